import manifest from '../../package.json' with { type: 'json' }

/** This build's version, as in package.json. */
export const VERSION = manifest.version

/** Name and version of this program, as told to pinned peers. */
export const SOFTWARE = `kith/${VERSION}`
