// Words that are searched for, as the server finds them.

export const tokens = (text: string): string[] => [...new Set((text.match(/[\p{L}\p{Nd}]+/gu) ?? []).map((w) => w.toLowerCase()))];

// marked cuts a text into stretches, those at odd places being words searched for;
// words with nothing but blanks between them are one stretch.
export function marked(text: string, words: readonly string[]): string[] {
  if (!words.length) return [text];
  const out: string[] = [''];
  for (const piece of text.match(/[\p{L}\p{Nd}]+|[^\p{L}\p{Nd}]+/gu) ?? []) {
    const hit = words.includes(piece.toLowerCase());
    const inside = out.length % 2 === 0;
    if (hit) {
      if (inside) out[out.length - 1] += piece;
      else if (out.length > 1 && out[out.length - 1]!.trim() === '' && out[out.length - 1] !== '') { const gap = out.pop()!; out[out.length - 1] += gap + piece; }
      else out.push(piece);
    } else if (inside) out.push(piece);
    else out[out.length - 1] += piece;
  }
  return out;
}
