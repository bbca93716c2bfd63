import Unix

/// Sockets that were handed down, by a service manager or an earlier process of this daemon: whoever takes them owns
/// them alone, and closes what it does not need.
package final class HandedDown {
    private var listeners: [Listener]

    init(_ listeners: [Listener]) { self.listeners = listeners }

    package func take() -> [Listener] {
        defer { listeners = [] }
        return listeners
    }
}
