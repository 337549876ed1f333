import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { SEED_BYTES } from './ed25519.ts'
import { KithError } from './errors.ts'

const RECOVERY_WORDS = 24

/** 24 English words for a 32-byte seed, the last of which holds a checksum (BIP 39). */
export function seedToWords(seed: Uint8Array): string[] {
  if (seed.byteLength !== SEED_BYTES) throw new TypeError('not a 32-byte seed')
  return entropyToMnemonic(seed, wordlist).split(' ')
}

/**
 * The seed that 24 words stand for. Case, and how much white space is between them, do not matter.
 *
 * @throws {KithError} `usage`, saying how many words there are, which of them is no word of the list
 *   (by its place: a message is no place for a secret), or that the checksum is wrong.
 */
export function wordsToSeed(text: string): Uint8Array {
  const words = text.trim().toLowerCase().split(/\s+/u)
  if (words.length !== RECOVERY_WORDS) {
    throw unusable(`${words.length} words, not ${RECOVERY_WORDS}`, 'word count')
  }
  const stranger = words.findIndex((word) => !wordlist.includes(word))
  if (stranger !== -1) throw unusable(`word ${stranger + 1} is not in the list`, 'unknown word')
  try {
    return new Uint8Array(mnemonicToEntropy(words.join(' '), wordlist))
  } catch {
    throw unusable('the words are in a wrong order, or one is mistaken for another', 'checksum')
  }
}

function unusable(why: string, what: string): KithError<'usage'> {
  return new KithError('usage', `not the words of a key: ${why}`, { what })
}
