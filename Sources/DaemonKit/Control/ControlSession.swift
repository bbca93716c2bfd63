import Supervision
import Unix

/// One connection to a control socket.
package final class ControlSession {
    /// HAProxy's `prompt n`, `prompt i` and `prompt p`.
    package enum Mode: String, Sendable {
        /// It ends after its first line.
        case single = "n"
        case interactive = "i"
        /// Interactive, with a prompt when the next command may come.
        case prompting = "p"
    }

    package let descriptor: Int32
    package var level = ControlLevel.admin
    package var mode = Mode.single
    /// Where its commands go; nil: the master.
    package var target: ProcessID?
    /// How the target was called.
    var targetPrefix: String?
    var input = ControlInput()
    /// Of the line that is being worked on.
    var requests: ArraySlice<ControlRequest> = []
    private(set) var output: [UInt8] = []
    var isLineDone = false
    /// A command has not answered yet.
    var isBusy = false
    var isWorking = false
    /// The client will send no more; it may still wait for answers.
    var isAtEnd = false
    package var isEnding = false
    /// Whom the front end answers when the running command is done; it survives an exec.
    package var requester: Requester?
    var isWatched = false
    var interest = (reading: true, writing: false)
    /// Its neighbours in the list of the idle ones.
    fileprivate var next: ControlSession?
    fileprivate weak var previous: ControlSession?
    fileprivate var isListed = false

    /// A client that leaves more than this unread is dropped.
    private static let mostUnread = 4 << 20

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func send(_ text: String) { output += text.utf8 }
    func send(_ bytes: [UInt8]) { output += bytes }

    /// False when the client is gone, or does not read.
    func flush() -> Bool {
        while !output.isEmpty {
            do {
                let count = try Socket.send(descriptor, output.span)
                output.removeFirst(count)
            } catch .wouldBlock {
                return output.count <= Self.mostUnread
            } catch {
                return false
            }
        }
        return true
    }
}

/// The sessions that wait for nothing, the one first that was silent for longest. No step depends on their number.
struct IdleSessions {
    private(set) var first: ControlSession?
    private var last: ControlSession?

    /// It was used now; it need not be in the list.
    mutating func append(_ session: ControlSession) {
        remove(session)
        session.previous = last
        if let last { last.next = session } else { first = session }
        last = session
        session.isListed = true
    }

    /// Nothing where it is not in the list.
    mutating func remove(_ session: ControlSession) {
        guard session.isListed else { return }
        session.isListed = false
        let (previous, next) = (session.previous, session.next)
        if let previous { previous.next = next } else { first = next }
        if let next { next.previous = previous } else { last = previous }
        session.next = nil
        session.previous = nil
    }
}
