"""A label is read into its electrode and its reference, in every spelling; look-alikes are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgvlm.recordings.labels import names_leg, read_label

SAME = {
    ("C4", "M1"): "C4-M1, EEG C4-A1, EEG_C4-A1, C4A1, C4:A1, C4_M1, C4/M1, C4 M1, C4M1, c4-m1, "
    "EEG C4:M1, EEG\xa0C4-A1, C4-M1 EEG,  EEG  C4 - A1 , PSG_C4-M1, EEG C4-A1 (uV), "
    "EEG C4-A1-Ref, PSG_EEG C4-M1, POL C4-A1-REF",
    ("C3", "M2"): "C3-M2, C3A2, EEG C3-A2, C3:M2, C3_M2",
    ("C4", None): "C4, EEG C4, PSG_C4, c4",
    ("C4", "REF"): "EEG C4-Ref, C4-REF, EEG C4-REF",
    ("C4", "CLE"): "EEG C4-CLE, C4-CLE",
    ("C4", "AVG"): "C4_AVG, C4-AVG, EEG C4-Avg",
    ("C4", "LINKED"): "C4-Mx, C4 Ax, C4-LE, C4-(M1+M2)/2, C4-A1A2",
    ("M1", None): "M1, A1, EEG A1, EEG M1",
    ("M2", "CLE"): "EEG A2-CLE",
    ("FPZ", "CZ"): "EEG Fpz-Cz, Fpz-Cz, FPZCZ",
    ("CZ", "M1"): "CZ-A1, CZ2-A1, Cz-M1",
    ("F4", "C4"): "F4-C4, F4C4",
    ("M1", "C4"): "M1-C4",
    ("E1", "M2"): "E1-M2, E1:M2, E1M2, EOG E1-M2, LOC-A2, LOC-M2, EOG LOC-M2, EEG LOC-M2, EOGl:A2",
    ("E1", None): "E1, E-1, LOC, EOG(L), EOG-L, EOG L, L-EOG, LEOG, EOGl, EOGL, E1_(LEOG), "
    "EOG Left, EOG Left Horiz, Lefteye, EOG sin, PSG_EOGL, POL E1, EOG links, "
    "EOG LE, EOG G, EOG izq",
    ("E2", "M1"): "E2-M1, ROC-A1, EOG ROC-M1, EOG E2-M1",
    ("E2", None): "E2, E-2, ROC, EOG(R), EOG-R, EOG R, R-EOG, REOG, EOGr, E2_(REOG), EOG Right, "
    "EOG Right Horiz, RightEye, EOG dx, PSG_EOGR, POL E2, EOG D, EOG der",
    ("EOG1", "M2"): "EOG1-A2, EOG1:M2",
    ("EOG", None): "EOG, PSG_EOG, EOG horizontal",
    ("EOG", "LEFT"): "ROC-LOC, E2-E1",
    ("EOG", "RIGHT"): "LOC-ROC, E1-E2, E1:E2",
    ("CHIN", None): "chin, Chin, CHIN, Chin EMG, EMG Chin, EMG_Chin, EMG submental, Submental EMG, "
    "Chin1-Chin2, CHIN1-CHIN3, Chin3-Chin2, EMG1-EMG2, EMG1:EMG2, EMG CHIN1-CHIN2, Lchin-Cchin, "
    "cchin_l, rchin_l, cchin_r, 1-2, EMG Chin1-EMG Chin2, Chin 1-Chin 2, EMG 1-2, "
    "EMG Chin1-Chin2-Ref",
    ("CHIN1", None): "Chin1, CHIN1, EMG Chin1, ChEMG1, Chin 1",
    ("CHINL", None): "L Chin, LChin, Lchin, EMG Chin L, ChinL",
    ("CHINR", None): "R Chin, RChin, Rchin, Rchiin, ChinR",
    ("CHINC", None): "Cchin, CCHIN, CChin, cchin",
    ("EMG", None): "EMG, PSG_EMG, EMG-EMG",
    ("EMG1", None): "EMG1, EMG 1, EMG_#1",
    ("EMGL", None): "EMG/L, EMG L",
    ("EMGPLUS", None): "EMG+, EMG +",
    ("EMGMINUS", None): "EMG-",
    ("X1", None): "X1, EMG X1, POL X1",
    ("ECG", None): "ECG, EKG, ekg, ECG ECGI, ECG-II, ECG1-ECG2, ECG LA-RA, EKG2-EKG, PSG_ECG, "
    "ECG EKG2-EKG, ECG I, ECGL-ECGR, ECG DII, ECG 1-2, ECG LL-RA, ECG RA-LL",
    ("ECG1", None): "ECG1, EKG1, EKG 1",
    ("ECGL", None): "ECG L, ECGL, ECG/L",
}


@pytest.mark.parametrize("meaning", SAME, ids=str)
def test_every_spelling_says_the_same(meaning):
    for text in SAME[meaning].split(", "):
        label = read_label(text)
        assert label, text
        assert (label.electrode, label.reference) == meaning, text


ALIKE = (
    "SaO2,SpO2,CO2,EtCO2,C4 Impedance,C4 Impédance,1-2 (Imp),1-F,1,2,12,Leg/L,Leg/R,LegL,EMG_Leg,"
    "TIB Dx,EMG TIB L,Pleth,EKG_Off,EMG_Off,EEG1_Off,EOG-L_Off,EEG_C3-A22,EEG1,EEG2,EEG3,"
    "EEG(sec),HB_1,-,,Event marker,Snore,RAT,LAT,X7-X8,DC3,Temp rectal,Light,chan 1,C4-M1 imp,"
    "EMG LAT,EMG RAT,O2 Sat,PPG,C4+M1,VEOG"
)


@pytest.mark.parametrize("text", ALIKE.split(","))
def test_what_looks_alike_names_no_electrode(text):
    assert read_label(text) is None


@pytest.mark.parametrize("text", ["Leg/L", "LegL", "EMG_Leg", "TIB Dx", "LAT", "EMG RAT", "PLM"])
def test_legs_are_known(text):
    assert names_leg(text)
    assert not names_leg("EMG/L")
    assert not names_leg("Plethysmogram")


@given(st.text(max_size=30))
def test_any_text_can_be_read(text):
    label = read_label(text)
    assert label is None or label.electrode
