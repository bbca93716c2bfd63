import Testing
import Text

@Suite("Decimal numbers", .timeLimit(.minutes(20)))
struct DecimalTextTests {
    @Test(
        "digits are read, zeros before them too",
        arguments: [("0", 0), ("007", 7), ("9223372036854775807", Int.max)] as [(String, Int)])
    func read(text: String, number: Int) { #expect(DecimalText.parse(text, in: 0...Int.max) == number) }

    @Test(
        "anything else is no number",
        arguments: ["", "-", "+1", "1_0", "0x1", "1e3", " 1", "1 ", "1\n", "٣", "１", "1\u{301}", "9223372036854775808"])
    func refused(text: String) {
        #expect(DecimalText.parse(text, in: Int.min...Int.max) == nil && !DecimalText.isDigits(text) || text.count > 18)
        #expect(DecimalText.parse(text, in: 0...Int.max) == nil)
    }

    @Test("a sign is read only where the range has negative numbers")
    func sign() {
        #expect(DecimalText.parse("-5", in: -10...10) == -5)
        #expect(DecimalText.parse("-0", in: 0...10) == nil)
        #expect(DecimalText.parse("--5", in: -10...10) == nil)
        #expect(DecimalText.isWhole("-5") && !DecimalText.isWhole("--5") && !DecimalText.isWhole("-"))
    }

    @Test("the range of a narrower type is one")
    func narrow() {
        #expect(DecimalText.parse("255", in: UInt8.min...UInt8.max) == 255)
        #expect(DecimalText.parse("256", in: UInt8.min...UInt8.max) == nil)
        #expect(DecimalText.parse("-1", in: UInt8.min...UInt8.max) == nil)
    }
}
