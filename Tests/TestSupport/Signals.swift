import Unix

/// Sends a signal to the calling thread, which takes it at once. A test's thread is Dispatch's, which blocks them all.
package func raiseHere(_ signal: Int32) {
    Signal.unblockAll()
    raise(signal)
}
