/** How much one run measures. A round takes every contender in turn. */
export interface Plan {
  rounds: number
  /** How long each loop runs, one with 1 in flight and one with 64. */
  loopMs: number
  /** How long each loop runs before that, unmeasured. */
  warmUpMs: number
  /** Connects of a warm process in each round. */
  reconnects: number
  /** How many it makes before that, unmeasured: as a loop, so a connect has to be warm. */
  warmUpReconnects: number
  /** Fresh processes in each round. */
  freshClients: number
  /** No contender's turn begins after this long. */
  limitMs: number
}

/** Under six minutes with nine contenders. */
export const FULL: Plan = {
  rounds: 5,
  loopMs: 2_000,
  warmUpMs: 200,
  reconnects: 50,
  warmUpReconnects: 200,
  freshClients: 2,
  limitMs: 340_000,
}

/** Under a minute and a quarter with nine contenders. */
export const QUICK: Plan = {
  rounds: 3,
  loopMs: 500,
  warmUpMs: 100,
  reconnects: 20,
  warmUpReconnects: 50,
  freshClients: 1,
  limitMs: 70_000,
}
