import Unix

/// Whether the thorough tests are wanted, as in CI: `DAEMONKIT_THOROUGH=1 swift test`. They take minutes.
package let isThorough = getenv("DAEMONKIT_THOROUGH") != nil

/// How many random inputs a test tries: all of them in the thorough tests, a fiftieth otherwise.
package func rounds(_ thorough: Int) -> Int { isThorough ? thorough : max(1, thorough / 50) }
