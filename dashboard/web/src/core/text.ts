// What others wrote: records, senders, far ends.

const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g;
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

// visible text: terminal colours are left out, control and direction characters
// become signs, so that nothing in a log line can hide or reorder text.
export function visible(text: string): string {
  return text.replace(ESCAPES, '').replace(UNSEEN, (c) => {
    const n = c.charCodeAt(0);
    return n < 0x20 ? String.fromCharCode(0x2400 + n) : n === 0x7f ? '␡' : `⟨U+${n.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}
