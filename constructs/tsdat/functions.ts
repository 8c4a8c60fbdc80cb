/** The sources of this system's own function. The pipelines' functions are images. */
export const SOURCES = { folder: 'tsdat', names: ['preparer'] } as const;
