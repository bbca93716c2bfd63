import MasterRuntime
import Synchronization
import Unix

/// The worker's end of the channel: one thread reads commands, any may write answers.
final class WorkerChannel: ReportChannel {
    let descriptor: Int32
    private let commands: WorkerCommands
    private let log: Log
    /// Held while an answer is written, however slowly the master reads: answers do not mix.
    private let writing = Mutex(())

    private struct Reading {
        var input = ChannelInput()
        var buffer: [UInt8] = []
        /// What comes is not understood any more.
        var isBroken = false
    }

    private let reading = Mutex(Reading())

    init(_ descriptor: Int32, commands: WorkerCommands, log: Log) {
        self.descriptor = descriptor
        self.commands = commands
        self.log = log
        try? Descriptor.setNonBlocking(descriptor, true)
    }

    /// Takes what has come and has it done elsewhere; false when the master is gone.
    func receive() -> Bool {
        reading.withLock { reading in
            // Most workers are never asked anything.
            if reading.buffer.isEmpty { reading.buffer = [UInt8](repeating: 0, count: 16 * 1024) }
            do throws(Errno) {
                let count = try Descriptor.read(descriptor, into: &reading.buffer)
                guard count > 0 else { return false }
                // Read all the same: its end is how the master's is noticed.
                if !reading.isBroken { take(count, &reading) }
                return true
            } catch {
                // A connection that is reset was closed before the master had read our last answer.
                return error == .wouldBlock
            }
        }
    }

    private func take(_ count: Int, _ reading: inout Reading) {
        reading.input.append(reading.buffer[..<count])  // bounded: a call gives no more than the buffer holds
        do throws(ControlMistake) {
            while let frame = try reading.input.next() { run(frame) }
        } catch {
            reading.isBroken = true
            log.error("the master's commands cannot be understood any more: \(error.message)")
            // To the master it is the end of the answers.
            Socket.shutdownWriting(descriptor)
        }
    }

    private func run(_ frame: ChannelFrame) {
        guard case .command(let level) = frame.kind else { return }
        do throws(ControlMistake) {
            commands.run(try frame.request(), level: level) { self.answer($0, to: frame.id) }
        } catch {
            let message = error.message
            commands.refuse { self.answer("\(message)\n", to: frame.id) }
        }
    }

    private func answer(_ text: String, to id: Int) {
        var body = Array(text.utf8)
        if body.count > ChannelFrame.longestBody {
            body = Array("The answer is too long: \(body.count) bytes (\(ChannelFrame.longestBody) at most).\n".utf8)
        }
        let bytes = ChannelFrame(id: id, kind: .answer, body: body).bytes
        // Where it fails the master is gone, which the reader notices; or its end takes no answers.
        writing.withLock { _ in try? write(bytes, until: nil) }
    }

    /// Tells the master how this process is. Throws `.wouldBlock` where there was no room in all this time.
    func report(_ message: [UInt8], patience: Duration) throws(Errno) {
        let bytes = ChannelFrame(id: 0, kind: .report, body: message).bytes
        let deadline = MonotonicTime.now + patience
        while true {
            // An answer that is being written may take longer than this can wait.
            let outcome = writing.withLockIfAvailable { _ in
                Result { () throws(Errno) in try write(bytes, until: deadline) }
            }
            if let outcome { return try outcome.get() }
            guard deadline > .now else { throw .wouldBlock }
            Poll.pause(.milliseconds(1))
        }
    }

    /// What is begun is finished: half a frame would make all that follows garbage.
    private func write(_ bytes: [UInt8], until deadline: MonotonicTime?) throws(Errno) {
        var sent = 0
        while sent < bytes.count {
            do throws(Errno) {
                // bounded: a call takes no more than it is given
                sent += try Socket.send(descriptor, bytes.span.extracting(sent..<bytes.count))
            } catch .wouldBlock {
                let left = sent == 0 ? deadline.map { $0 - .now } : nil
                if let left, left <= .zero { throw .wouldBlock }
                _ = Poll.writable(descriptor, timeout: left)
            }
        }
    }
}
