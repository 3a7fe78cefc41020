import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

// Dialog is a modal <dialog>: Escape closes it and the focus goes back.
export function Dialog({ title, open, onClose, children, wide }: { title: string; open: boolean; onClose: () => void; children: ComponentChildren; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current!;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    <dialog ref={ref} class={wide ? 'wide' : ''} aria-label={title} onClose={onClose} onClick={(e) => e.target === ref.current && onClose()}>
      {open && <div class="dialog"><header><h2>{title}</h2><span class="sp" /><button class="btn ico" aria-label="Close" onClick={onClose}>×</button></header>{children}</div>}
    </dialog>
  );
}
