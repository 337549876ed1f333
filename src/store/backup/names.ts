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
  // No text has fewer bytes than characters: what is far too long is not even taken apart.
  if (name.length > MAX_NAME_BYTES || Buffer.byteLength(name) > MAX_NAME_BYTES) return false
  const parts = name.split('/')
  return parts.length <= MAX_NAME_PARTS && parts.every(isPortablePart)
}

/** Those of `names` that some file system takes for one before them, or for a folder of one. The others have no twins. */
export function findCollisions(names: readonly string[]): string[] {
  const files = new Set<string>()
  const folders = new Map<string, string>()
  return names.filter((name) => {
    const folded = fold(name)
    if (files.has(folded) || folders.has(folded)) return true
    const above = foldersOf(name).map((folder) => ({ folder, folded: fold(folder) }))
    const isTaken = above.some(
      (one) => files.has(one.folded) || (folders.get(one.folded) ?? one.folder) !== one.folder,
    )
    if (isTaken) return true
    files.add(folded)
    for (const one of above) folders.set(one.folded, one.folder)
    return false
  })
}

function foldersOf(name: string): string[] {
  const parts = name.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
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
