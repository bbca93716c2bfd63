import DaemonCore
import Supervision
import Unix

/// The master's end of a channel to a worker that is a daemon of ours. Its closing tells the worker that the master is
/// gone; besides, commands go down and answers come up.
final class MasterChannel {
    let descriptor: Int32
    private var input = ChannelInput()
    private var output: [UInt8] = []
    /// Whose commands it has not answered. Some of them may wait no longer: an answer to anybody else is none.
    var pending: Set<Requester> = []

    /// What came could not be understood, or the worker does not read.
    var isSilent = false

    /// A worker that leaves so much unread, or so many commands without an answer, is given no more for now.
    private static let (mostUnread, mostPending) = (64 * 1024, 1024)

    /// Of one turn.
    private static let mostFrames = 64
    /// Some of what was read is not handed on yet.
    private(set) var hasMore = false
    /// A timer is set for it.
    var isServedSoon = false

    /// Bytes that its input keeps, as they were counted last.
    var held = 0

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    var hasOutput: Bool { !output.isEmpty }
    var isBusy: Bool { output.count >= Self.mostUnread || pending.count >= Self.mostPending }
    var inputSize: Int { input.size }
    var comingAnswer: Requester? { input.comingID }

    /// What comes of the answer that has begun is let go; returns whose it is.
    func dropAnswer() -> Requester? {
        let requester = input.dropFrame()
        if let requester { pending.remove(requester) }
        return requester
    }

    /// False when the worker is gone.
    func send(_ frame: ChannelFrame) -> Bool {
        output += frame.bytes
        return flush()
    }

    func flush() -> Bool {
        let bytes = output
        var sent = 0
        sending: while sent < bytes.count {
            do {
                // bounded: a call takes no more than it is given
                sent += try Socket.send(descriptor, bytes.span.extracting(sent..<bytes.count))
            } catch .wouldBlock {
                break sending
            } catch {
                return false
            }
        }
        output = Array(bytes[sent...])
        return true
    }

    /// What a worker sends.
    enum Word {
        case answer(Requester, String)
        case report(NotifyMessage)
    }

    /// Hands on some of what has come; false when nothing more will come. A worker that says little very often is not to
    /// hold the others up: see `hasMore`.
    func read(_ buffer: inout [UInt8], _ take: (Word) -> Void) -> Bool {
        do {
            if !hasMore {
                let count = try Socket.read(descriptor, into: &buffer)
                guard count > 0 else { return false }
                input.append(buffer[..<count])
            }
            hasMore = false
        } catch .wouldBlock {
            return true
        } catch {
            return false
        }
        do {
            for _ in 0..<Self.mostFrames {
                guard let frame = try input.next() else { return true }
                switch frame.kind {
                case .command: return false
                case .report: take(.report(NotifyMessage(frame.body[...])))
                case .answer:
                    // Who sends what nobody asked for could go on for ever.
                    guard pending.remove(frame.id) != nil else { return false }
                    take(.answer(frame.id, String(decoding: frame.body, as: UTF8.self)))
                }
            }
            hasMore = true
            return true
        } catch {
            return false
        }
    }

    // MARK: Over an exec

    func record(_ child: Supervision.Child.ID) -> StateRecord {
        var record = StateRecord("channel")
        record[number: "child"] = child
        record[number: "descriptor"] = Int(descriptor)
        record[numbers: "pending"] = pending.union(input.unwantedID.map { [$0] } ?? []).sorted()
        record[bytes: "input"] = input.unread
        record[bytes: "output"] = output
        record[flag: "silent"] = isSilent
        return record
    }

    init?(_ record: StateRecord) {
        guard let number = record[descriptor: "descriptor"] else { return nil }
        descriptor = number
        pending = Set(record[numbers: "pending"])
        input.append(record[bytes: "input"][...])
        hasMore = input.size > 0
        output = record[bytes: "output"]
        isSilent = record[flag: "silent"]
    }
}
