// A click into the night chooses an epoch; a tip describes the epoch under the pointer.
const epochAt = (plot, event) => {
  const box = plot.getBoundingClientRect();
  const epochs = Number(plot.parentElement.dataset.epochs);
  const share = (event.clientX - box.left) / box.width;
  return Math.min(Math.max(Math.floor(share * epochs), 0), epochs - 1);
};
element.addEventListener('click', (event) => {
  const plot = event.target.closest('.plot');
  if (plot) trigger('select', { index: epochAt(plot, event), value: null });
});
element.addEventListener('mousemove', (event) => {
  const plot = event.target.closest('.plot');
  if (!plot) return;
  const tip = plot.querySelector('.tip');
  const box = plot.getBoundingClientRect();
  tip.hidden = false;
  tip.textContent = JSON.parse(plot.parentElement.dataset.tips)[epochAt(plot, event)];
  const right = event.clientX - box.left > box.width - 200;
  tip.style.left = right ? 'auto' : `${event.clientX - box.left + 12}px`;
  tip.style.right = right ? `${box.right - event.clientX + 12}px` : 'auto';
});
element.addEventListener('mouseout', (event) => {
  const plot = event.target.closest('.plot');
  if (plot && !plot.contains(event.relatedTarget)) plot.querySelector('.tip').hidden = true;
});

// As in scoring software, keys do what buttons do.
const KEYS = {
  ArrowLeft: 'back', ArrowRight: 'forward', u: 'next-for-review',
  w: 'stage-W', 1: 'stage-N1', 2: 'stage-N2', 3: 'stage-N3', r: 'stage-R',
};
const onKey = (event) => {
  if (!element.isConnected) return document.removeEventListener('keydown', onKey);
  const typing = event.target.closest('input, textarea, [role=listbox]');
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const button = document.getElementById(KEYS[event.key] ?? KEYS[event.key.toLowerCase()]);
  if (button) { event.preventDefault(); button.click(); }
};
document.addEventListener('keydown', onKey);
