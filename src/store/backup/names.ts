/** Longest name of a file with its folders, in bytes of UTF-8, and the most folders deep it may be. */
const MAX_NAME_BYTES = 1_024
const MAX_NAME_PARTS = 32

/** Longest name of one file or folder (NAME_MAX of Linux). */
const MAX_PART_BYTES = 255

/** Control characters, and what some system takes for a separator, a drive, a stream or a pattern. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029\\:*?"<>|]/u

/** Names that are devices on Windows, whatever ends them. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i

/** True for a name that every system takes for the same path below the folder it is put in, and for no other. */
export function isPortableName(name: string): boolean {
  const parts = name.split('/')
  return (
    Buffer.byteLength(name) <= MAX_NAME_BYTES &&
    parts.length <= MAX_NAME_PARTS &&
    parts.every(isPortablePart)
  )
}

/** The first of `names` that some file system takes for another one of them, or for a folder of one, if there is any. */
export function findCollision(names: readonly string[]): string | undefined {
  const files = new Set<string>()
  const folders = new Map<string, string>()
  for (const name of names) {
    const folded = fold(name)
    if (files.has(folded) || folders.has(folded)) return name
    files.add(folded)
    for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1)) {
      const folder = name.slice(0, end)
      const known = folders.get(fold(folder)) ?? folder
      if (files.has(fold(folder)) || known !== folder) return name
      folders.set(fold(folder), folder)
    }
  }
  return undefined
}

function isPortablePart(part: string): boolean {
  return (
    part !== '' &&
    // Also `.` and `..`: Windows drops dots and blanks at the end of a name.
    !/[. ]$/.test(part) &&
    Buffer.byteLength(part) <= MAX_PART_BYTES &&
    !FORBIDDEN.test(part) &&
    !RESERVED.test(part)
  )
}

/** One text for all names that some file system takes for one: by case, and by the form of its accents. */
function fold(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}
