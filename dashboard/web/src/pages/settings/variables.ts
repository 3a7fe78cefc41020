// What the program that serves the page runs with, as /api/v2/settings says it. Pure.

export interface Setting {
  name: string;
  value: string; // empty for a secret
  default: string;
  changed: boolean; // is set to something else than the default
  secret: boolean;
  masked: boolean; // there is more to it than value shows
  description: string;
}

// chosen are those with part of a name in theirs, in any case.
export function chosen(all: readonly Setting[], name: string, set: boolean): Setting[] {
  const part = name.trim().toUpperCase();
  return all.filter((s) => (s.changed || !set) && s.name.includes(part));
}

// lines are NAME=value of what is set, for an environment file. What cannot be
// given so is a comment that says why.
export function lines(settings: readonly Setting[]): string {
  return settings.filter((s) => s.changed).map((s) => {
    if (s.secret) return `# ${s.name} is set: a secret\n`;
    if (s.masked) return `# ${s.name} is set: ${s.value} and more, which may be a secret\n`;
    if (/[\r\n]/.test(s.value)) return `# ${s.name} is set: more than one line\n`;
    return `${s.name}=${s.value}\n`;
  }).join('');
}
