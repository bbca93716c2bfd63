// What arithmetic.py must find, each line marked at its end, and what it must not. Compiled by its self-test only.

func sums(_ narrow: Int32, _ wide: Int64, _ whole: Int, _ time: Duration) {
    _ = narrow + 1  // trap
    _ = 128 + narrow  // trap
    _ = wide - 1  // trap
    _ = -whole  // trap
    _ = time + time  // trap
    _ = whole + 1
    _ = [1] + [whole]
    _ = "a" + "b"
    _ = narrow &+ 1
    _ = narrow.addingReportingOverflow(1)
    _ = 16 * 1024
    _ = narrow + 1  // bounded: an exit status
    // bounded: by the line above
    _ = narrow + 1
    _ = narrow + 1  // bounded:  // trap
}

func products(_ ticks: Int, _ second: Int, _ time: Duration, _ byte: UInt8) {
    _ = ticks * 1_000_000_000  // trap
    _ = ticks * 1_000_000_000 / second  // trap
    _ = ticks / second  // trap
    _ = ticks % second  // trap
    _ = ticks / 1000
    _ = ticks % 60
    _ = time * 2  // trap
    var pace = time
    pace *= 2  // trap
    var ten = byte
    ten *= 10  // trap
    _ = ticks.multipliedReportingOverflow(by: second)
}

struct Outside {
    var links: UInt64 = 0
    var load: Double = 0
    var size: Int64 = 0
}

func conversions(_ number: Int, _ outside: Outside, _ text: String, _ list: [Int]) {
    _ = Int32(number)  // trap
    _ = UInt8(number % 10)  // trap
    _ = Int(outside.links)  // trap
    _ = Int(outside.load)  // trap
    _ = UInt32(number)  // trap
    _ = Int(outside.size)
    _ = Int64(number)
    _ = Int32(clamping: number)
    _ = Int32(exactly: number)
    _ = UInt8(truncatingIfNeeded: number)
    _ = Int32(list.count)
    _ = Int(text)  // trap
    _ = Int64(text)  // trap
    _ = UInt64(text, radix: 16)  // trap
    _ = Int32(text)
}

func elements(_ words: [String], _ position: Int) -> String {
    _ = words[position]  // trap
    _ = words[0]  // trap
    return words[1]  // trap
}

func measured(_ words: [String]) -> String {
    guard words.count == 2 else { return "" }
    _ = words[0]
    for index in words.indices { _ = words[index] }
    return words[1]
}

func slices(_ bytes: [UInt8], _ position: Int, _ length: Int) {
    _ = bytes[position...]  // trap
    _ = bytes[..<length]  // trap
    _ = bytes.prefix(length)  // trap
    _ = bytes.dropFirst(length)  // trap
    _ = [UInt8](repeating: 0, count: length)  // trap
    _ = bytes.dropFirst(2)
    _ = bytes.prefix(bytes.count)
    for _ in 0..<length {}  // trap
    for _ in 0..<4 {}
    _ = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(0x30)
}

func found(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: 0) else { return }
    _ = bytes[..<end]
    _ = bytes[(end + 1)...]
}

func ends(_ queue: [Int]) {
    var queue = queue
    _ = queue.removeFirst()  // trap
    _ = queue.popLast()
    queue.remove(at: 3)  // trap
}

func asked(_ queue: [Int]) {
    var queue = queue
    if !queue.isEmpty { queue.removeFirst() }
}

func forced(_ value: Int?, _ any: Any, _ body: () throws -> Int) {
    _ = value!  // trap
    _ = try! body()  // trap
    _ = any as! Int  // trap
    _ = !"a!".isEmpty && value != 3
    if value == nil { fatalError("never") }  // trap
}

func keys(_ pairs: [(String, Int)]) {
    _ = Dictionary(uniqueKeysWithValues: pairs)  // trap
    _ = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
}
