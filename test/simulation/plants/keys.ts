import { Lobby } from '../../../src/node/lobby.ts'
import { swap } from '../plant.ts'
import type { Plant } from '../plant.ts'

export const KEY_PLANTS: readonly Plant[] = [
  {
    title: 'lobbies that let nobody in',
    finding: /no rest: \w+ has no link to \w+/,
    put: () => swap(Lobby.prototype, 'admit', () => () => false),
  },
]
