import Testing
import Unix

@Suite("Text of the system, whose bytes may be any", .timeLimit(.minutes(20)))
struct SystemTextTests {
    @Test(
        "bytes come back as they were",
        arguments: [
            [], Array("plain".utf8), Array("grüße 😀".utf8), [0xFF], [0x61, 0xC3], [0xC3, 0x28, 0xE2, 0x82],
            [0xF4, 0x8F, 0xBF],
            [0xED, 0xA0, 0x80], Array(0x01...0xFF), Array("\u{10FE41}\u{10FFFF}\u{100000}".utf8),
            [0xF4, 0x8F, 0xBB, 0xBF, 0xFF],
        ] as [[UInt8]])
    func roundTrip(_ bytes: [UInt8]) { #expect(String(system: bytes).systemBytes == bytes) }

    @Test("what is UTF-8 is the text that it is")
    func plain() {
        #expect(String(system: Array("NAME=grüße".utf8)) == "NAME=grüße")
        #expect(String(system: [0x61, 0xFF, 0x62]) == "a\u{10FEFF}b")
    }

    @Test("any two that differ are told apart")
    func distinct() {
        var texts: Set<[UInt8]> = []
        for high in UInt8.min...UInt8.max {
            for low in UInt8.min...UInt8.max { texts.insert(Array(String(system: [high, low]).utf8)) }
        }
        #expect(texts.count == 65_536)
    }
}
