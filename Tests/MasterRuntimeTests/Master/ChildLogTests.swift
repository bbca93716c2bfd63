import DaemonCore
import TestSupport
import Testing
import Text
import Unix

@testable import MasterRuntime

@Suite("Output of a child", .timeLimit(.minutes(20)))
struct ChildLogTests {
    private let folder = TemporaryFolder()

    /// What comes of these pieces, each written and read by itself.
    private func pass(_ pieces: [[UInt8]], to taker: any ChildOutputTaker) throws {
        let ends = try FileDescriptor.pipe().release()
        try Descriptor.setNonBlocking(ends.read, true)
        try Descriptor.setNonBlocking(ends.write, true)
        let log = ChildLog(ends.read, taker)
        var buffer = [UInt8](repeating: 0, count: 1000)
        var batch = LineBatch()
        for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty {
                rest = rest.dropFirst(try Descriptor.write(ends.write, rest.span))
                while Poll.readable(ends.read, timeout: .zero) { #expect(log.read(&buffer, &batch)) }
            }
        }
        Descriptor.close(ends.write)
        // A child that another test forks meanwhile holds the other end until it executes its program.
        #expect(eventually { !log.read(&buffer, &batch) })
        Descriptor.close(ends.read)
    }

    private func lines(
        _ pieces: [String], unfinished: [UInt8] = [], isContinued: Bool = false
    ) throws -> [String] {
        var lines: [String] = []
        let taker = ChildLines("a", unfinished: unfinished, isContinued: isContinued) { lines += $0.messages }
        try pass(pieces.map { Array($0.utf8) }, to: taker)
        return lines
    }

    @Test("a line is a line, however it comes; the last needs no end")
    func cuts() throws {
        #expect(try lines(["one\ntw", "o\n", "\n", "three"]) == ["a: one", "a: two", "a: ", "a: three"])
        #expect(try lines([]) == [])
        #expect(try lines(["rest\n"], unfinished: Array("the ".utf8)) == ["a: the rest"])
        #expect(try lines(["rest\n"], isContinued: true) == ["a: [...] rest"])
    }

    @Test("a line that is too long is cut, which is marked, and nothing of it gets into the next one")
    func tooLong() throws {
        let long = String(repeating: "x", count: 20_000)
        func piece(_ count: Int) -> String { String(repeating: "x", count: count) }
        let pieces = ["a: \(piece(8192)) [...]", "a: [...] \(piece(8192)) [...]", "a: [...] \(piece(3616))", "a: next"]
        #expect(try lines([long, "\nnext\n"]) == pieces)
        #expect(try lines(["\(piece(8192))\nnext\n"]) == ["a: \(piece(8192))", "a: next"])
    }

    @Test("no piece ends within a character")
    func characters() throws {
        let found = try lines([String(repeating: "日", count: 5000)])
        #expect(found.count == 2 && found.allSatisfy { !$0.contains("\u{FFFD}") && !$0.contains("\\x") })
        #expect(found.joined().count { $0 == "日" } == 5000)
    }

    @Test("a character is found in bytes as String finds it, and what has to be written out is the same")
    func asStrings() throws {
        var random = Seeded(11)
        // Bytes that begin, continue and end characters, those that are hidden among them.
        let pieces: [[UInt8]] = [
            [0xE2, 0x80, 0xAE], [0xC2, 0x9B], [0xF3, 0xA0, 0x80, 0x81], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xC0, 0x80], [0xE2, 0x80], [0xF0, 0x9F, 0x98], Array("ä日😀".utf8), Array("plain text".utf8), [0x1B], [0x7F],
            [9],
        ]
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                bytes +=
                    Bool.random(using: &random)
                    ? pieces.randomElement(using: &random) ?? [] : [.random(in: 0...255, using: &random)]
            }
            bytes.removeAll { $0 == 0x0A }
            var (batch, text, escaped): (LineBatch, [UInt8], [UInt8]) = (LineBatch(), [], [])
            batch.append(bytes[...])
            batch.endMessage()
            #expect(batch.messages == [Self.text(bytes)])
            text.appendEscaped(Self.text(bytes))
            escaped.appendEscaped(Array(Self.text(bytes).utf8)[...])
            #expect(escaped == text, "\(bytes)")
        }
    }

    /// Decoded one character at a time.
    private static func text(_ bytes: [UInt8]) -> String {
        var (text, rest) = ("", bytes[...])
        while !rest.isEmpty {
            var (decoder, iterator) = (UTF8(), rest.makeIterator())
            if case .scalarValue(let scalar) = decoder.decode(&iterator) {
                text.unicodeScalars.append(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                text += "\\x\(String(rest.removeFirst(), radix: 16))"
            }
        }
        return text
    }

    @Test("bytes that are no text are written out")
    func noText() throws {
        var lines: [String] = []
        try pass([[0x61, 0xFF, 0xC3, 0xA4, 0xC3, 0x0A, 0xE2, 0x82]], to: ChildLines("a") { lines += $0.messages })
        #expect(lines == ["a: a\\xffä\\xc3", "a: \\xe2\\x82"])
    }

    private func writer() throws -> LogWriter {
        LogWriter(try FileDescriptor.open(folder["out"], [.writeOnly, .append, .create]).release())
    }

    private static func report(_ loss: LogLoss) -> [UInt8] { Array("lost \(loss.records)\n".utf8) }

    private func contents() throws -> [UInt8] {
        let file = try FileDescriptor.open(folder["out"], [])
        return Descriptor.contents(of: file.number, limit: 1 << 24)
    }

    @Test("into a file go the bytes as they are, lines of a megabyte and such without an end too")
    func bytes() throws {
        var random = Seeded(7)
        var bytes = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes += [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + [0x0A, 0x0A, 0, 0xFF]
        try pass([bytes], to: ChildBytes(try writer(), source: 1, report: Self.report))
        #expect(try contents() == bytes)
    }

    @Test("whose file it is too, does not get his lines into another's; nobody's last line is glued to the next one's")
    func shared() throws {
        let writer = try writer()
        let takers = (1...2).map { ChildBytes(writer, source: $0, report: Self.report) }
        var batch = LineBatch()
        func take(_ index: Int, _ text: String) { takers[index].take(Array(text.utf8)[...], &batch) }
        take(0, "half ")
        take(1, "whole\n")
        take(0, "a line\n")
        take(0, String(repeating: "x", count: 20_000))
        take(1, "between\n")
        take(0, "x\n")
        take(1, "last words")
        takers[1].end(&batch)
        take(0, "end\n")
        let long = String(repeating: "x", count: 20_000)
        let lines = ["whole", "half a line", long, "between", "x", "last words", "end"]
        #expect(try String(decoding: contents(), as: UTF8.self) == lines.map { "\($0)\n" }.joined())
    }

    @Test("the unfinished line of a file that is opened anew stays a line of its own")
    func foundUnfinished() throws {
        try folder.write("cut by a crash", to: "out")
        let writer = try writer()
        writer.lookAtEnd()
        var batch = LineBatch()
        ChildBytes(writer, source: 1, report: Self.report).take(Array("new\n".utf8)[...], &batch)
        #expect(try String(decoding: contents(), as: UTF8.self) == "cut by a crash\nnew\n")
    }
}
