"""Fine-tune a vision-language model on a corpus, on one or several GPUs.

    accelerate launch train_sft.py --config recipes/tiny.yaml --dataset_name CORPUS

The options are those of `psgvlm train`, which does the same on one device.
"""

from psgvlm import errors
from psgvlm.commands.train import main

if __name__ == "__main__":
    errors.run(main)
