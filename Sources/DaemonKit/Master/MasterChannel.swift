import Supervision
import Unix

/// The master's end of a channel to a worker that is a daemon of ours. Its closing tells the worker that the master is
/// gone; besides, commands go down and answers come up.
final class MasterChannel {
    let descriptor: Int32
    private var input = ChannelInput()
    private var output: [UInt8] = []
    /// Who waits for this worker's answers.
    var pending: Set<Requester> = []

    /// What came could not be understood, or the worker does not read.
    var isSilent = false

    /// A worker that leaves more than this unread is deaf.
    private static let mostUnread = 1 << 20

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    var hasOutput: Bool { !output.isEmpty }

    /// False when the worker does not read.
    func send(_ frame: ChannelFrame) -> Bool {
        output += frame.bytes
        return flush()
    }

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

    /// What a worker sends.
    enum Word {
        case answer(Requester, String)
        case report(NotifyMessage)
    }

    /// Hands on what has come; false when nothing more will come.
    func read(_ buffer: inout [UInt8], _ take: (Word) -> Void) -> Bool {
        do {
            let count = try Descriptor.read(descriptor, into: &buffer)
            guard count > 0 else { return false }
            input.append(buffer[..<count])
        } catch .wouldBlock {
            return true
        } catch {
            return false
        }
        do {
            while let frame = try input.next() {
                switch frame.kind {
                case .command: return false
                case .report: take(.report(NotifyMessage(frame.body[...])))
                case .answer:
                    guard pending.remove(frame.id) != nil else { continue }
                    take(.answer(frame.id, String(decoding: frame.body, as: UTF8.self)))
                }
            }
            return true
        } catch {
            return false
        }
    }

    // MARK: Over an exec

    func record(_ child: Supervision.Child.ID) -> StateText.Record {
        var record = StateText.Record("channel")
        record[number: "child"] = child
        record[number: "descriptor"] = Int(descriptor)
        record[numbers: "pending"] = pending.sorted()
        record[bytes: "input"] = input.unread
        record[bytes: "output"] = output
        record[flag: "silent"] = isSilent
        return record
    }

    init?(_ record: StateText.Record) {
        guard let number = record[descriptor: "descriptor"] else { return nil }
        descriptor = number
        pending = Set(record[numbers: "pending"])
        input.append(record[bytes: "input"][...])
        output = record[bytes: "output"]
        isSilent = record[flag: "silent"]
    }
}
