import Testing

@testable import MasterRuntime

@Suite("ControlInput", .timeLimit(.minutes(20)))
struct ControlInputTests {
    private static let tooLong = ControlInput.Item.mistake(
        ControlMistake("Line too long (\(ControlLine.longestLine) bytes at most)."))
    private static let payloadTooLong = ControlInput.Item.mistake(
        ControlMistake("Payload too long (\(ControlInput.longestPayload) bytes at most)."))

    private func request(_ words: String..., payload: String? = nil) -> ControlInput.Item {
        .requests(ControlCommands([ControlRequest(words, payload: payload)]))
    }

    @Test("a line comes when its end has come, and not before")
    func lines() {
        var input = ControlInput()
        #expect(input.next() == nil)
        input.append(Array("show ver".utf8)[...])
        #expect(input.next() == nil)
        input.append(Array("sion\nshow".utf8)[...])
        #expect(input.next() == request("show", "version"))
        #expect(input.next() == nil)
        #expect(input.unread == ControlInput.Unread(bytes: Array("show".utf8)))
    }

    @Test("several lines that come at once come one by one, the empty ones too")
    func several() {
        #expect(items("a\n\nb;c\n") == [request("a"), .requests(ControlCommands()), requests(["b"], ["c"])])
    }

    private func requests(_ commands: [String]...) -> ControlInput.Item {
        .requests(ControlCommands(commands.map { ControlRequest($0) }))
    }

    @Test("lines may end as telnet ends them")
    func carriageReturn() { #expect(items("a b\r\n\r\n") == [request("a", "b"), .requests(ControlCommands())]) }

    // MARK: Payloads

    @Test("a payload goes to the last command of its line, without its last line")
    func payload() {
        #expect(items("set x <<EOF\none\ntwo\nEOF\n") == [request("set", "x", payload: "one\ntwo\n")])
        #expect(
            items("a;b <<\n1\n\n") == [
                .requests(ControlCommands([ControlRequest(["a"]), ControlRequest(["b"], payload: "1\n")]))
            ])
    }

    @Test("what would be commands elsewhere is text in a payload")
    func textInPayload() {
        #expect(
            items("a <<E\nstop; b\\\n <<F\n E\nEE\nE\nc\n") == [
                request("a", payload: "stop; b\\\n <<F\n E\nEE\n"), request("c"),
            ])
    }

    @Test("a payload may be empty, and may end as telnet ends lines")
    func payloadEnd() {
        #expect(items("a <<\n\n") == [request("a", payload: "")])
        #expect(items("a <<E\r\nx\r\nE\r\n") == [request("a", payload: "x\r\n")])
    }

    @Test("without a command before it a payload is taken, and dropped")
    func payloadOfNothing() { #expect(items("<<E\nx\nE\na\n") == [.requests(ControlCommands()), request("a")]) }

    // MARK: Limits

    @Test("a line that is too long is told once, and skipped to its end", arguments: [1, 1000, 1 << 20])
    func tooLong(pieces: Int) {
        let line = String(repeating: "a", count: 100_000)
        #expect(items("\(line)\nb\n", pieces: pieces) == [Self.tooLong, request("b")])
    }

    @Test("a line that is just not too long is taken", arguments: [1, 1000, 1 << 20])
    func longest(pieces: Int) {
        let line = String(repeating: "a", count: ControlLine.longestLine)
        #expect(items("\(line)\nb\n", pieces: pieces) == [request(line), request("b")])
    }

    @Test("a payload that is just not too long is taken, however it comes", arguments: [1, 1000, 1 << 20])
    func longestPayload(pieces: Int) {
        let payload = String(repeating: String(repeating: "p", count: 1023) + "\n", count: 64)
        #expect(items("a <<E\n\(payload)E\nb\n", pieces: pieces) == [request("a", payload: payload), request("b")])
    }

    @Test("of a payload that is too long nothing is taken for a command", arguments: [1, 1000, 1 << 20])
    func payloadTooLong(pieces: Int) {
        let payload = String(repeating: "stop\n", count: 20_000)
        #expect(items("a <<E\n\(payload)E\nb\n", pieces: pieces) == [Self.payloadTooLong, request("b")])
    }

    @Test("a payload that is longer by one byte is too long", arguments: [1, 1000, 1 << 20])
    func payloadTooLongByOne(pieces: Int) {
        let payload = "p" + String(repeating: String(repeating: "p", count: 1023) + "\n", count: 64)
        #expect(items("a <<E\n\(payload)E\nb\n", pieces: pieces) == [Self.payloadTooLong, request("b")])
    }

    @Test("a line of a payload may be as long as the payload, however it comes", arguments: [1, 1000, 1 << 20])
    func longLineInPayload(pieces: Int) {
        let line = String(repeating: "p", count: 40_000)
        #expect(
            items("a <<E\n1\n\(line)\n2\nE\nb\n", pieces: pieces)
                == [request("a", payload: "1\n\(line)\n2\n"), request("b")])
    }

    @Test("a payload without any line's end is too long at its limit, not at the end of memory")
    func endlessPayload() {
        var input = ControlInput()
        input.append(Array("a <<E\n".utf8)[...])
        let piece = [UInt8](repeating: 0x70, count: 16 * 1024)
        var most = 0
        for _ in 0..<1000 {
            input.append(piece[...])
            #expect(input.next() == nil)
            most = max(most, input.unread.bytes.count)
        }
        #expect(most <= ControlInput.longestPayload + 64)
        input.append(Array("\nE\nb\n".utf8)[...])
        #expect(input.next() == Self.payloadTooLong)
        #expect(input.next() == request("b"))
    }

    // MARK: What is unread

    @Test(
        "what is unread, fed to another input, goes on where the first one was",
        arguments: [
            "show ver", "a <<E\none\n", "a <<E\none\ntw", "a <<\n", "a;b\\ c <<E\n", "a <<b <<c\nx\n", "",
            "a <<x\\ y\nz\n",
            "<<E\n1\n",
        ])
    func unread(text: String) {
        for ending in ["sion\n", "o\nE\nq\n", "\nq\n", "\nc\nq\n", "\nx y\nq\n"] {
            var one = ControlInput()
            one.append(Array(text.utf8)[...])
            while one.next() != nil {}
            var two = ControlInput(one.unread)
            #expect(two.next() == nil)
            one.append(Array(ending.utf8)[...])
            two.append(Array(ending.utf8)[...])
            while let item = one.next() { #expect(two.next() == item) }
            #expect(two.next() == nil)
        }
    }

    @Test("a payload that was too long stays so for another input", arguments: [1000, 70_000])
    func unreadOfTooLong(lineLength: Int) {
        let line = String(repeating: "p", count: lineLength) + "\n"
        var one = ControlInput()
        one.append(Array("a <<E\n\(String(repeating: line, count: 100))".utf8)[...])
        #expect(one.next() == nil)
        var two = ControlInput(one.unread)
        #expect(two.next() == nil)
        two.append(Array("stop\nE\nb\n".utf8)[...])
        #expect(two.next() == Self.payloadTooLong)
        #expect(two.next() == request("b"))
    }

    @Test("the rest of a line that was too long is no command for another input either")
    func unreadOfSkipped() {
        var one = ControlInput()
        one.append([UInt8](repeating: 0x61, count: 20_000)[...])
        #expect(one.next() == Self.tooLong)
        #expect(one.next() == nil)
        var two = ControlInput(one.unread)
        #expect(two.next() == nil)
        two.append(Array("; stop\nb\n".utf8)[...])
        #expect(two.next() == request("b"))
    }
}

/// What an input makes of a text that comes in pieces of this length.
func items(_ text: String, pieces: Int = .max) -> [ControlInput.Item] { items(Array(text.utf8), pieces: pieces) }

func items(_ bytes: [UInt8], pieces: Int) -> [ControlInput.Item] {
    var input = ControlInput()
    var found: [ControlInput.Item] = []
    var start = 0
    while start < bytes.count {
        let end = start + min(pieces, bytes.count - start)
        input.append(bytes[start..<end])
        while let item = input.next() { found.append(item) }
        start = end
    }
    return found
}
