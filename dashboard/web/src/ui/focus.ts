// What has the focus hands it on when it goes away: to the card or part of the
// page around it, so that neither the next Tab nor a screen reader starts at the top.
// A focus that was given up on purpose, by Escape or a click beside, stays given up.

let around: Element[] = []; // what has the focus, and all it is in
document.addEventListener('focusin', (e) => {
  around = [];
  for (let el = e.target as Element | null; el; el = el.parentElement) around.push(el);
});
document.addEventListener('focusout', () => setTimeout(() => {
  if (around[0]?.isConnected && document.activeElement === document.body) around = [];
}));
new MutationObserver(() => {
  if (!around.length || around[0]!.isConnected || document.activeElement !== document.body) return;
  const left = around.find((el) => el.isConnected)!.closest<HTMLElement>('section, aside, main');
  if (!left) return;
  left.tabIndex = -1;
  left.focus({ preventScroll: true });
}).observe(document.body, { childList: true, subtree: true });

export {};
