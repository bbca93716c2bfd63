import Testing

@testable import MasterRuntime

@Suite("ChannelFrame and ChannelInput", .timeLimit(.minutes(20)))
struct ChannelFrameTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func input(_ text: String) -> ChannelInput {
        var input = ChannelInput()
        input.append(bytes(text)[...])
        return input
    }

    @Test("A command and an answer are a header line and a body")
    func written() {
        let command = ChannelFrame(id: 7, kind: .command(level: .operator), body: bytes("show info"))
        #expect(command.bytes == bytes("C 7 operator 9\nshow info"))
        #expect(ChannelFrame(id: 0, kind: .answer, body: []).bytes == bytes("A 0 0\n"))
    }

    @Test("What is written is read, frame after frame, wherever it is cut")
    func read() throws {
        let frames = [
            ChannelFrame(id: 1, kind: .command(level: .user), body: bytes("a\nb")),
            ChannelFrame(id: .max, kind: .answer, body: []),
            ChannelFrame(id: 0, kind: .report, body: bytes("READY=1\nSTATUS=x")),
            ChannelFrame(id: 2, kind: .command(level: .admin), body: [0, 255, 10]),
            ChannelFrame(id: 3, kind: .answer, body: bytes("C 1 user 3\n")),
        ]
        let all = frames.flatMap(\.bytes)
        for size in 1...all.count {
            var input = ChannelInput()
            var found: [ChannelFrame] = []
            for start in stride(from: 0, to: all.count, by: size) {
                input.append(all[start..<min(all.count, start + size)])
                while let frame = try input.next() { found.append(frame) }
            }
            #expect(found == frames)
            #expect(input.unread.isEmpty)
        }
    }

    @Test(
        "A garbled header throws, and goes on throwing",
        arguments: [
            "\n", "C\n", "A\n", "A 1\n", "A 1 2 3\n", "B 1 2\n", "C 1 root 2\n", "C 1 2\n", "A -1 0\n", "A 1 -1\n",
            "A +1 0\n", "A  1 0\n", " A 1 0\n", "A 1 0 \n", "A 1 0\r\n", "A 99999999999999999999 0\n", "AA 1 0\n",
            "A 1 99999999999999999999\n", "A 01 0\n", "A \u{661} 0\n", String(repeating: "A", count: 64),
        ])
    func garbled(header: String) {
        var input = input(header)
        #expect(throws: ControlMistake.self) { try input.next() }
        input.append(bytes("A 1 0\n")[...])
        #expect(throws: ControlMistake.self) { try input.next() }
        var again = ChannelInput()
        again.append(input.unread[...])
        #expect(throws: ControlMistake.self) { try again.next() }
    }

    @Test("A body of 4 MiB is taken, one byte more is refused before it has come")
    func limit() throws {
        let body = [UInt8](repeating: 0x78, count: ChannelFrame.longestBody)
        var whole = ChannelInput()
        whole.append(ChannelFrame(id: 1, kind: .answer, body: body).bytes[...])
        #expect(try whole.next()?.body.count == 4 << 20)
        var longer = input("A 1 \((4 << 20) + 1)\n")
        #expect(throws: ControlMistake.self) { try longer.next() }
    }

    @Test("What is unread goes on in another input")
    func unread() throws {
        var one = input("A 1 0\nA 2 5\nab")
        #expect(try one.next()?.id == 1)
        #expect(try one.next() == nil)
        var two = ChannelInput()
        two.append(one.unread[...])
        two.append(bytes("cde")[...])
        #expect(try two.next() == ChannelFrame(id: 2, kind: .answer, body: bytes("abcde")))
    }

    @Test("A hundred thousand small frames at once cost a moment, not the square of their number")
    func linear() throws {
        let frame = ChannelFrame(id: 1, kind: .answer, body: bytes("x")).bytes
        var input = ChannelInput()
        input.append(Array(repeating: frame, count: 100_000).flatMap(\.self)[...])
        let start = ContinuousClock.now
        var count = 0
        while try input.next() != nil { count += 1 }
        #expect(count == 100_000)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test(
        "A request comes out of a command as it went in",
        arguments: [
            ControlRequest(["show", "info"]), ControlRequest(["set", "a b;c\\", "<<x", "\\"]),
            ControlRequest(["put"], payload: "line\nline\n"), ControlRequest(["put"], payload: ""), ControlRequest([]),
        ])
    func request(request: ControlRequest) throws {
        #expect(try ChannelFrame(id: 1, request, level: .user).request() == request)
    }

    @Test("Two commands in one frame, or the start of a payload, are refused", arguments: ["a;b", "a <<E"])
    func oneRequest(text: String) {
        let frame = ChannelFrame(id: 1, kind: .command(level: .user), body: bytes(text))
        #expect(throws: ControlMistake.self) { try frame.request() }
    }

    @Test("Of a frame that is not wanted nothing is kept, and the next is understood")
    func dropped() throws {
        var one = input("A 7 1000\n" + String(repeating: "x", count: 900))
        #expect(try one.next() == nil)
        #expect(one.comingID == 7 && one.dropFrame() == 7 && one.size == 0 && one.unwantedID == 7)
        one.append(bytes(String(repeating: "x", count: 60))[...])
        #expect(one.size == 0)
        // Another input goes on with it: the frame is an answer to nobody.
        var two = ChannelInput()
        two.append(one.unread[...])
        for rest in [String(repeating: "x", count: 40), "A 8 1\ny"] {
            one.append(bytes(rest)[...])
            two.append(bytes(rest)[...])
        }
        #expect(try one.next() == ChannelFrame(id: 8, kind: .answer, body: bytes("y")))
        #expect(one.unwantedID == nil)
        #expect(try two.next()?.id == 7)
        #expect(try two.next() == ChannelFrame(id: 8, kind: .answer, body: bytes("y")))
        var none = input("A 7")
        #expect(none.comingID == nil && none.dropFrame() == nil)
    }
}
