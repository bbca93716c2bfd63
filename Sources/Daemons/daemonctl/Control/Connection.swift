import DaemonKit
import Text
import Unix

/// `connect`: a daemon's control socket at this terminal, or in a script.
struct Connection {
    let daemon: ConfiguredDaemon

    private static let answerLimit = Duration.seconds(600)
    /// How an answer begins that says no.
    private static let refusals = ["Success=0", "Unknown command", "Permission denied!", "Can't find the target PID"]

    private func open() throws(Failure) -> ControlClient {
        guard let path = daemon.controlSocket else {
            throw Failure("\(daemon.name) has no control socket", .notConfigured)
        }
        do {
            return try ControlClient(path)
        } catch {
            let code: ExitCode = error == .absent ? .notRunning : error == .denied ? .noPrivilege : .failure
            throw Failure("control socket \(path): \(error)", code)
        }
    }

    /// One command line, as its words stand: 1 where the answer is a refusal.
    func ask(_ words: [String], _ patience: Patience) throws(Failure) -> Answer {
        let line = words.joined(separator: " ")
        let client = try open()
        let reply: String
        do {
            reply = try client.ask(line, within: Self.answerLimit) { patience.tell("the answer of \(daemon.name)") }
        } catch {
            throw Failure("\(daemon.name) did not answer '\(VisibleText.line(line))': \(error)")
        }
        return Answer(withoutLastEnd(reply), exitStatus: Self.refusals.contains(where: reply.hasPrefix) ? 1 : 0)
    }

    /// Lines until the end of the input; at a terminal with the daemon's prompt, and with the terminal's own editing.
    func interact() throws(Failure) {
        let client = try open()
        do throws(any Error) {
            try client.send(Terminal.isTerminal(0) ? "prompt\n" : "prompt i\n")
            try relay(client)
        } catch {
            throw Failure("control socket of \(daemon.name): \(error)")
        }
        if Terminal.isTerminal(0) && Terminal.isTerminal(1) { try? Descriptor.writeAll(1, "\n") }
    }

    /// How many bytes are taken at once.
    private func sent(_ bytes: [UInt8], _ socket: Int32) throws(Errno) -> Int {
        if bytes.isEmpty { return 0 }
        do {
            return try Socket.send(socket, bytes.span)
        } catch {
            guard error == .wouldBlock else { throw error }
            return 0
        }
    }

    /// How long a daemon may take to begin to answer.
    private static let firstLimit = Duration.seconds(10)

    private func relay(_ client: ControlClient) throws {
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        // What the daemon does not take yet; nothing more is read meanwhile.
        var unsent: [UInt8] = []
        var isAtEnd = false
        // The choice of the mode is answered by an empty line.
        var isFirst = true
        var output = Output(1)
        var heard = MonotonicTime.now
        while true {
            let input: Int32 = isAtEnd || !unsent.isEmpty ? -1 : 0
            let silence = isFirst ? Self.firstLimit : isAtEnd ? Self.answerLimit : nil
            if let silence, MonotonicTime.now - heard > silence { throw ControlClient.Failure.silent }
            let limit: Duration? = unsent.isEmpty ? silence.map { max(.zero, heard + $0 - .now) } : .milliseconds(20)
            let ready = Poll.readable([input, client.descriptor], timeout: limit)
            if ready[1] {  // bounded: as many as were asked for
                let count = try Descriptor.read(client.descriptor, into: &buffer)
                if count == 0 { return try output.end() }
                heard = .now
                let skipped = isFirst && buffer[0] == UInt8(ascii: "\n") ? 1 : 0  // bounded: a byte at least was read
                isFirst = false
                try output.write(buffer[skipped..<count])  // bounded: a call gives no more than the buffer holds
            }
            if ready[0] {  // bounded: as many as were asked for
                let count = try Descriptor.read(0, into: &buffer)
                if count == 0 { isAtEnd = true } else { unsent += buffer[..<count] }
            }
            // bounded: a call takes no more than it is given
            unsent.removeFirst(try sent(unsent, client.descriptor))
            if isAtEnd && unsent.isEmpty { Socket.shutdownWriting(client.descriptor) }
        }
    }
}
