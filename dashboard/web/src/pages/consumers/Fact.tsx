import type { ComponentChildren } from 'preact';

export const Fact = ({ name, children, hint }: { name: string; children: ComponentChildren; hint?: string }) => <div title={hint}><dt>{name}</dt><dd>{children}</dd></div>;
