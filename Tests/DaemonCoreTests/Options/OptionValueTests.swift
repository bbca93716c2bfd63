import Testing
import Unix

@testable import DaemonCore

/// The author's own options come back with their types, without a key or a cast.
@Suite("Typed options", .timeLimit(.minutes(20)))
struct OptionValueTests {
    /// The value of the option on a command line that knows no other; nil after a mistake.
    private func value<Value>(_ option: Option<Value>, _ words: String...) -> Value? {
        let line = CommandLineParser(words, options: [option.definition])
        return line.mistakes.isEmpty ? line.values[option] : nil
    }

    private func mistake<Value>(_ option: Option<Value>, _ words: String...) -> String? {
        CommandLineParser(words, options: [option.definition]).mistakes.first
    }

    @Test("a flag is false unless it is given")
    func flag() {
        let option = Option(flag: "quick", short: "q", help: "")
        #expect(value(option) == false)
        #expect(value(option, "-q") == true)
    }

    @Test("a string has its default, and may be empty")
    func string() {
        let option = Option("greeting", default: "hello", help: "")
        #expect(value(option) == "hello")
        #expect(value(option, "--greeting=") == "")
        #expect(value(option, "--greeting", "good day") == "good day")
    }

    @Test("a string without a default is nil, and not empty")
    func optionalString() {
        let option = Option<String?>("greeting", help: "")
        #expect(value(option) == .some(nil))
        #expect(value(option, "--greeting=x") == "x")
        #expect(mistake(option, "--greeting=") == "option '--greeting': '' must not be empty")
    }

    @Test("a number is within its range, both ends included")
    func integer() {
        let option = Option("interval", short: "i", default: 60, in: 1...3600, help: "")
        #expect(value(option) == 60)
        for (text, number) in [("1", 1), ("3600", 3600), ("0042", 42)] { #expect(value(option, "-i\(text)") == number) }
        for text in ["0", "3601", "-1", "9223372036854775807"] {
            #expect(mistake(option, "--interval", text) == "option '--interval': '\(text)' is not 1 to 3600")
        }
        for text in ["", "-", "+5", "5s", "0x5", "1.5", " 5", "٥"] {
            #expect(mistake(option, "--interval", text) == "option '--interval': '\(text)' is not a whole number")
        }
    }

    @Test("a number too large for the machine is out of range, and a whole number all the same")
    func hugeInteger() {
        let option = Option("interval", default: 60, in: 1...3600, help: "")
        let text = "99999999999999999999"
        #expect(mistake(option, "--interval", text) == "option '--interval': '\(text)' is not 1 to 3600")
    }

    @Test("a number may be negative where its range is, and open above")
    func negativeInteger() {
        let option = Option("nice", default: 0, in: -20...Int.max, help: "")
        #expect(value(option, "--nice=-20") == -20)
        #expect(value(option, "--nice", "-7") == -7)
        #expect(value(option, "--nice=9223372036854775807") == .max)
        #expect(mistake(option, "--nice=-21") == "option '--nice': '-21' is not -20 or more")
    }

    @Test("a number with a fraction is within its range, and neither infinite nor hexadecimal")
    func fraction() {
        let option = Option("ratio", short: "r", default: 0.5, in: 0...1, help: "")
        #expect(value(option) == 0.5)
        for (text, number) in [("0", 0.0), ("1", 1), (".25", 0.25), ("2.5e-1", 0.25)] {
            #expect(value(option, "--ratio=\(text)") == number)
        }
        for text in ["", "x", "0x1p-1", "nan", "inf", "1e999", " 1", "0,5", "1.2.3"] {
            #expect(mistake(option, "--ratio=\(text)") == "option '--ratio': '\(text)' is not a number")
        }
        for text in ["-0.1", "1.5"] {
            #expect(mistake(option, "--ratio", text) == "option '--ratio': '\(text)' is not 0.0 to 1.0")
        }
    }

    @Test("a list has all values in their order")
    func lists() {
        let texts = Option(list: "header", short: "H", default: ["x"], help: "")
        #expect(value(texts) == ["x"])
        #expect(value(texts, "-Ha", "--header=b", "--header", "") == ["a", "b", ""])
        let addresses = Option(addresses: "bind", short: "b", help: "")
        #expect(value(addresses, "-b", "127.0.0.1:1", "--bind=/s")?.map(\.description) == ["127.0.0.1:1", "/s"])
    }

    @Test("operands are the words that are no options, wherever they stand")
    func operands() {
        let files = Option(operands: "FILE", help: "")
        let flag = Option(flag: "quick", short: "q", help: "")
        let line = CommandLineParser(["a", "-q", "", "--", "-q", "--b"], options: [flag.definition, files.definition])
        #expect(line.mistakes.isEmpty && line.values[flag] && line.values[files] == ["a", "", "-q", "--b"])
        #expect(value(files) == [])
    }

    @Test("operands are counted")
    func operandCounts() {
        let one = Option(operands: "FILE", count: 1...1, help: "")
        #expect(mistake(one) == "no FILE is given")
        #expect(value(one, "a") == ["a"])
        #expect(mistake(one, "a", "b") == "unexpected argument 'b'")
        let several = Option(operands: "FILE", count: 2..., help: "")
        #expect(mistake(several, "a") == "too few of FILE are given")
        #expect(value(several, "a", "b", "c") == ["a", "b", "c"])
    }

    @Test("operands are needed for a start, and neither for a text nor for the running daemon")
    func neededOperands() {
        let one = Option(operands: "FILE", count: 1...1, help: "")
        let options = (.standard + [one] as OptionList).offered(by: testd)
        for word in ["--help", "--version", "--status", "--stop", "--reload", "--signal=USR1"] {
            #expect(CommandLineParser([word], options: options).mistakes.isEmpty, "\(word)")
        }
        for words in [[], ["--check"], ["--foreground"]] {
            #expect(CommandLineParser(words, options: options).mistakes == ["no FILE is given"], "\(words)")
        }
    }

    @Test("values can be made without a process: parsed from words, or set")
    func made() throws {
        let wait = Option("wait", default: .seconds(5), help: "")
        var values = try OptionValues(parsing: ["-f", "--wait=1s"], [wait], of: testd)
        #expect(values[wait] == .seconds(1) && values[StandardOption.foreground] && values.isGiven(wait))
        values[wait] = .seconds(2)
        #expect(values[wait] == .seconds(2))
        #expect(OptionValues()[wait] == .seconds(5))
        let error = #expect(throws: DaemonError.self) {
            try OptionValues(parsing: ["--wait=x", "y"], [wait], of: testd)
        }
        #expect(error?.code == .options && error?.exitStatus == 2)
        #expect(error?.message.contains("'x' is not a time") == true)
        #expect(error?.message.hasSuffix("\nunexpected argument 'y'") == true)
    }

    @Test("a choice is one of its words")
    func choice() {
        let option = Option("mode", choices: ["fast", "safe"], default: "safe", help: "")
        #expect(value(option) == "safe")
        #expect(value(option, "--mode=fast") == "fast")
        #expect(mistake(option, "--mode=fa") == "option '--mode': 'fa' is not one of fast, safe")
        #expect(mistake(option, "--mode=") == "option '--mode': '' is not one of fast, safe")
    }

    @Test("a file and a folder are absolute from wherever the daemon looks")
    func paths() throws {
        let folder = try #require(Files.workingDirectory())
        let file = Option(file: "config", help: "")
        let directory = Option(directory: "data", help: "")
        #expect(value(file, "--config=/a/b") == "/a/b")
        #expect(value(file, "--config=b") == "\(folder)/b")
        #expect(value(directory) == .some(nil))
        #expect(value(directory, "--data=../d") == "\(folder)/../d")
        #expect(mistake(directory, "--data=") == "option '--data': '' must not be empty")
    }

    @Test("a file and a folder have their defaults")
    func pathDefaults() {
        #expect(value(Option(file: "config", default: "/etc/x.conf", help: "")) == "/etc/x.conf")
        #expect(value(Option(directory: "data", default: "/var/x", help: "")) == "/var/x")
    }

    @Test("a relative path without a working folder is a mistake, an absolute one is none")
    func noWorkingFolder() async {
        let folder = TemporaryFolder()
        await #expect(processExitsWith: .success) { [path = folder["gone"] as String] in
            try Files.makeDirectory(path, mode: 0o700)
            try Files.changeDirectory(path)
            rmdir(path)
            #expect(throws: OptionMistake.self) { try absolutePath("x") }
            #expect(throws: Never.self) { try absolutePath("/x") }
        }
    }

    @Test("a path from the root folder has one slash")
    func fromRoot() async {
        await #expect(processExitsWith: .success) {
            try Files.changeDirectory("/")
            let path = try absolutePath("x")
            #expect(path == "/x")
        }
    }

    @Test("a time has its unit")
    func duration() {
        let option = Option("wait", default: .seconds(5), help: "")
        #expect(value(option) == .seconds(5))
        #expect(value(option, "--wait=250ms") == .milliseconds(250))
        #expect(mistake(option, "--wait=x") == "option '--wait': 'x' is not a time such as 90s, 250ms, 5m, 2h or 7d")
    }

    @Test("an address is numeric or a path")
    func address() throws {
        let option = Option(address: "peer", help: "")
        #expect(value(option) == .some(nil))
        #expect(value(option, "--peer=[::1]:80")??.description == "[::1]:80")
        #expect(mistake(option, "--peer=localhost") != nil)
    }

    @Test("a type of the author's own is parsed by the author")
    func ownType() {
        struct Colour: Sendable, Equatable { let red, green, blue: UInt8 }
        let option = Option<Colour>(
            "colour", argument: "RRGGBB", help: "", completion: .string, default: Colour(red: 0, green: 0, blue: 0)
        ) { text throws(OptionMistake) in
            guard text.utf8.count == 6, let number = UInt32(text, radix: 16) else {
                throw OptionMistake("is no colour")
            }
            return Colour(red: UInt8(number >> 16), green: UInt8(number >> 8 & 255), blue: UInt8(number & 255))
        }
        #expect(value(option) == Colour(red: 0, green: 0, blue: 0))
        #expect(value(option, "--colour=ff8000") == Colour(red: 255, green: 128, blue: 0))
        #expect(mistake(option, "--colour=red") == "option '--colour': 'red' is no colour")
    }

    @Test("the umask is octal", arguments: [("0", 0), ("022", 0o22), ("77", 0o77), ("0777", 0o777)])
    func umask(text: String, mask: UInt32) { #expect(value(StandardOption.umask, "--umask", text) == mask) }

    @Test("what is no octal mask is a mistake", arguments: ["", "1000", "8", "-1", "+7", "0o22", "00022", "rwx", "٧"])
    func wrongUmask(text: String) { #expect(mistake(StandardOption.umask, "--umask", text) != nil) }

    @Test("a dash is the log file that is standard error")
    func logFileDash() throws {
        let folder = try #require(Files.workingDirectory())
        #expect(value(StandardOption.logFile, "--log-file=-") == "-")
        #expect(value(StandardOption.logFile, "--log-file=./-") == "\(folder)/./-")
    }
}
