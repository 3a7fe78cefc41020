import { settings } from '../core/settings';
import { clockMillis, day } from '../core/time';

// Moments as a datetime-local field holds them: in the zone of the settings, which
// they do not name.

export const written = (ms: number): string => (Number.isFinite(ms) ? `${day(ms)}T${clockMillis(ms)}` : '');

// meant is unix ms; NaN of what is no moment.
export const meant = (text: string, zone = settings.get().zone): number => Date.parse(zone === 'utc' ? `${text}Z` : text);
