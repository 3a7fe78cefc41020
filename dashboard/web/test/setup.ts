// What happy-dom has not.
import { vi } from 'vitest';

vi.stubGlobal('ResizeObserver', class { observe() {} disconnect() {} });
