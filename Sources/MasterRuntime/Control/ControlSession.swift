import DaemonCore
import Supervision
import Unix

/// One connection to a control socket.
package final class ControlSession {
    /// HAProxy's `prompt n`, `prompt i` and `prompt p`.
    package enum Mode: String, Sendable {
        /// It ends behind its last line.
        case single = "n"
        case interactive = "i"
        /// Interactive, with a prompt when the next command may come.
        case prompting = "p"
    }

    package let descriptor: Int32
    /// Who is at the other end.
    package let user: UserID
    package weak var server: ControlServer?
    package var level = ControlLevel.admin
    package var mode = Mode.single
    /// Where its commands go; nil: the master.
    package var target: ProcessID?
    /// How the target was called.
    var targetPrefix: String?
    package var input = ControlInput()
    /// Of the line that is being worked on.
    package var commands = ControlCommands()
    private var output: [UInt8] = []
    /// What is before it was sent.
    private var sent = 0
    /// When the client took something last, or was offered something anew.
    private(set) var progressAt = MonotonicTime.now
    /// The answer that is being made.
    package var report: (any ControlReport)?
    var isLineDone = false
    /// Lines that are done, empty ones too.
    var linesDone = 0
    /// Behind so many lines its end has been set.
    var lingersAfter = 0
    /// A command has not answered yet.
    var isBusy = false
    var isWorking = false
    /// It has something to do, or will have when its client has read more.
    var wantsTurn = false
    /// It has used up a slice since it rested last.
    package var isLong = false
    /// It waits for its turn.
    var isQueued = false
    /// The client will send no more; it may still wait for answers.
    package var isAtEnd = false
    package var isEnding = false
    /// Whom the front end answers when the running command is done; it survives an exec.
    package var requester: Requester?
    var isWatched = false
    package var interest = (reading: true, writing: false)
    /// What its user's account was charged with.
    package var held = 0
    /// Its neighbours in the list of the idle ones.
    fileprivate var next: ControlSession?
    fileprivate weak var previous: ControlSession?
    fileprivate var isListed = false

    /// While so much is unread no command begins, and no answer goes on.
    private static let mostUnread = 64 * 1024
    /// Of one turn: a client that reads as fast as we write is not to hold the others up.
    private static let mostSent = 256 * 1024

    init(_ descriptor: Int32, user: UserID = CurrentProcess.userID) {
        self.descriptor = descriptor
        self.user = user
    }

    var unread: ArraySlice<UInt8> { output[sent...] }  // bounded: a call takes no more than it is given
    var hasUnread: Bool { sent < output.count }
    var hasRoom: Bool { output.count - sent < Self.mostUnread }
    /// Nothing is to be done before the client sends more.
    var isResting: Bool { !isBusy && !wantsTurn }
    /// The bytes that it keeps.
    package var size: Int { input.size + commands.size + output.count + (report?.size ?? 0) }

    package func send(_ text: String) { send(text.utf8) }

    package func send(_ bytes: some Sequence<UInt8>) {
        if !hasUnread { progressAt = .now }
        output += bytes
    }

    /// False when the client is gone.
    package func flush() -> Bool {
        let end = sent + Self.mostSent
        defer { if !hasUnread { (output, sent) = ([], 0) } }
        let bytes = output
        while hasUnread, sent < end {
            do {
                // bounded: a call takes no more than it is given
                sent += try Socket.send(descriptor, bytes.span.extracting(sent..<bytes.count))
                progressAt = .now
            } catch .wouldBlock {
                return true
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
