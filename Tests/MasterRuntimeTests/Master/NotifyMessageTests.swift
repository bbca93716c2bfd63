import DaemonCore
import Supervision
import TestSupport
import Testing

@testable import MasterRuntime

@Suite("What a child says over NOTIFY_SOCKET", .timeLimit(.minutes(20)))
struct NotifyMessageTests {
    @Test("WATCHDOG_USEC is a time, or none with 0 and with what is no time in practice; what is no number is nothing")
    func watchdogTime() {
        #expect(read("WATCHDOG_USEC=1500").watchdog == .every(.microseconds(1500)))
        for text in ["0", "1000000000000001", "18446744073709551615"] {
            #expect(read("WATCHDOG_USEC=\(text)").watchdog == WatchdogTime.none)
        }
        for text in ["", "x", "-1", "18446744073709551616"] { #expect(read("WATCHDOG_USEC=\(text)").watchdog == nil) }
    }

    @Test("FDPOLL=0 keeps what nobody is behind any more")
    func descriptorPolling() {
        #expect(read("FDSTORE=1\nFDPOLL=0").keepsDeadDescriptors)
        for text in ["FDSTORE=1", "FDPOLL=1", "FDPOLL="] { #expect(!read(text).keepsDeadDescriptors) }
    }

    private func read(_ text: String) -> NotifyMessage { NotifyMessage(Array(text.utf8)[...]) }

    @Test("several lines are one message")
    func lines() {
        let message = read("READY=1\nSTATUS=serving\nMAINPID=4711\nX_DAEMONKIT_VERSION=2.0\n")
        #expect(message.isReady && message.status == "serving" && message.mainProcess == 4711)
        #expect(message.version == "2.0" && !message.isReloading && !message.isStopping && !message.beats)
    }

    @Test(
        "only 1 is yes",
        arguments: ["READY=0", "READY=", "READY=11", "READY", "ready=1", "RELOADING=yes", "STOPPING=0", "WATCHDOG=0"])
    func noes(text: String) {
        let message = read(text)
        #expect(!message.isReady && !message.isReloading && !message.isStopping && !message.beats)
    }

    @Test("the watchdog is fed or triggered")
    func watchdog() {
        #expect(read("WATCHDOG=1").beats && !read("WATCHDOG=1").triggersWatchdog)
        #expect(read("WATCHDOG=trigger").triggersWatchdog && !read("WATCHDOG=trigger").beats)
    }

    @Test(
        "no pid that could mean process 1, a group or everybody",
        arguments: ["1", "0", "-1", "-4711", "+4711", " 4711", "x", "99999999999", "9223372036854775808", ""])
    func pids(text: String) { #expect(read("MAINPID=\(text)").mainProcess == nil) }

    @Test("a longer time is asked for in microseconds, and a day at the most")
    func times() {
        #expect(read("EXTEND_TIMEOUT_USEC=1500").extendedTimeout == .microseconds(1500))
        #expect(read("EXTEND_TIMEOUT_USEC=\(Int64.max)").extendedTimeout == .seconds(86_400))
        #expect(read("EXTEND_TIMEOUT_USEC=\(UInt64.max)").extendedTimeout == .seconds(86_400))
        #expect(read("EXTEND_TIMEOUT_USEC=18446744073709551616").extendedTimeout == nil)
        #expect(read("EXTEND_TIMEOUT_USEC=-5").extendedTimeout == nil)
        #expect(read("EXTEND_TIMEOUT_USEC=0").extendedTimeout == nil)
    }

    @Test(
        "no number makes reading fall",
        arguments: ["\(Int64.min)", "\(Int64.max)", "18446744073709551615", "-0", "1e9", "", "0x10", "+5"])
    func numbers(text: String) {
        let message = read("EXTEND_TIMEOUT_USEC=\(text)\nMAINPID=\(text)\nWATCHDOG=\(text)\nFDSTORE=\(text)")
        #expect(message.extendedTimeout.map { $0 <= .seconds(86_400) } ?? true)
        #expect(message.mainProcess.map { $0 > 1 } ?? true)
    }

    @Test("a status is one line of bounded length")
    func status() {
        #expect(read("STATUS=a\tb\u{7}c").status == "a b c")
        #expect(read("STATUS=\(String(repeating: "x", count: 3000))").status?.utf8.count == 512)
        #expect(read("STATUS=a=b").status == "a=b")
    }

    @Test("what is cut off, or holds a zero byte, means nothing")
    func broken() {
        #expect(read("READY=1\0").isReady && !read("READY=1\0\nSTATUS=x").isReady && !read("\0READY=1").isReady)
        let filler = "STATUS=" + String(repeating: "x", count: NotifyMessage.longest)
        #expect(read(filler + "\nREADY=1") == NotifyMessage([]))
    }

    @Test("a descriptor's name is one that LISTEN_FDNAMES can hold")
    func names() {
        #expect(read("FDSTORE=1\nFDNAME=web").descriptorName == "web")
        for name in ["a:b", "", "a b", "ä", String(repeating: "x", count: 256)] {
            #expect(read("FDSTORE=1\nFDNAME=\(name)").descriptorName == nil)
        }
        #expect(read("FDSTOREREMOVE=1\nFDNAME=web").removesDescriptors)
    }

    @Test("whatever comes is read, and means no more than it says")
    func noise() {
        var random = Seeded(20_261_121)
        let words = ["READY=1", "READY", "=", "\n", "STATUS=", "MAINPID=", "12", "\0", "FDNAME=a", "WATCHDOG=", "é"]
        for _ in 0..<rounds(100_000) {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                if Bool.random(using: &random) {
                    bytes += (words.randomElement(using: &random) ?? "").utf8
                } else {
                    bytes.append(.random(in: 0...255, using: &random))
                }
            }
            let message = NotifyMessage(bytes[...])
            let isWhole = !(bytes.last == 0 ? bytes.dropLast() : bytes[...]).contains(0)
            if bytes.last == 0 { bytes.removeLast() }
            let lines = bytes.split(separator: UInt8(ascii: "\n"))
            #expect(message.isReady == (isWhole && lines.contains { $0.elementsEqual("READY=1".utf8) }))
            #expect(message.mainProcess.map { $0 > 1 } ?? true)
        }
    }
}
