import { shortcuts } from '../core/keys';
import { Dialog } from './Dialog';

// Help lists what keys do on the page that is shown.
export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const list = new Map(shortcuts().map((s) => [s.keys, s.what]));
  return (
    <Dialog title="Keyboard shortcuts" open={open} onClose={onClose}>
      <dl class="keys">{[...list].map(([keys, what]) => <div key={keys}><dt>{keys.split(' ').map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
      <p class="t3">They do nothing while you type, or with Ctrl, Alt or Meta. Settings can switch them off.</p>
    </Dialog>
  );
}
