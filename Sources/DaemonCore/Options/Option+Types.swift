import Text

extension Option where Value == Bool {
    /// A flag: false unless it is given.
    public init(flag name: String, short: Character? = nil, help: String) {
        self.init(
            OptionDefinition(
                name: name, short: short, argument: nil, help: help, completion: .none, defaultText: nil,
                parse: { _ in true }),
            default: false)
    }
}

extension Option where Value == String {
    public init(
        _ name: String, short: Character? = nil, argument: String = "TEXT", default defaultValue: String, help: String
    ) {
        self.init(
            name, short: short, argument: argument, help: help, default: defaultValue,
            defaultText: defaultValue.isEmpty ? nil : defaultValue, parse: { $0 })
    }

    /// One of several words.
    public init(_ name: String, short: Character? = nil, choices: [String], default defaultValue: String, help: String)
    {
        self.init(
            name, short: short, argument: "", help: help, completion: .choices(choices),
            default: defaultValue, defaultText: defaultValue
        ) { text throws(OptionMistake) in
            try chosen(text, choices)
        }
    }
}

extension Option where Value == String? {
    /// A text, or nil where it is not given.
    public init(_ name: String, short: Character? = nil, argument: String = "TEXT", help: String) {
        self.init(
            name, short: short, argument: argument, help: help, default: nil,
            parse: { text throws(OptionMistake) in
                if text.isEmpty { throw OptionMistake("must not be empty") }
                return text
            })
    }

    /// The path of a file or directory, relative to the caller's working directory; it is not opened.
    public init(file name: String, short: Character? = nil, default defaultValue: String? = nil, help: String) {
        self.init(
            name, short: short, argument: "PATH", help: help, completion: .file, default: defaultValue,
            defaultText: defaultValue, parse: { text throws(OptionMistake) in try absolutePath(text) })
    }

    /// The path of a directory, relative to the caller's working directory; it is not opened.
    public init(directory name: String, short: Character? = nil, default defaultValue: String? = nil, help: String) {
        self.init(
            name, short: short, argument: "DIRECTORY", help: help, completion: .directory, default: defaultValue,
            defaultText: defaultValue, parse: { text throws(OptionMistake) in try absolutePath(text) })
    }

    /// One of several words, or nil.
    package init(_ name: String, choices: [String], help: String) {
        self.init(
            name, argument: "", help: help, completion: .choices(choices), default: nil
        ) { text throws(OptionMistake) in
            try chosen(text, choices)
        }
    }
}

extension Option where Value == [String] {
    /// Texts, one for each time that the option is given.
    public init(
        list name: String, short: Character? = nil, argument: String = "TEXT", default defaultValue: [String] = [],
        help: String
    ) {
        self.init(
            .list(
                name, short: short, argument: argument, help: help, completion: .string,
                defaultText: joined(defaultValue), parse: { $0 }),
            default: defaultValue)
    }

    /// Paths, one for each time that the option is given, relative to the caller's working directory.
    public init(files name: String, short: Character? = nil, default defaultValue: [String] = [], help: String) {
        self.init(
            .list(
                name, short: short, argument: "PATH", help: help, completion: .file,
                defaultText: joined(defaultValue),
                parse: { text throws(OptionMistake) in try absolutePath(text) }),
            default: defaultValue)
    }

    /// The words of the command line that are no options, as they are: a command line has none unless they are declared.
    ///
    /// - Parameters:
    ///   - name: What the help calls them: `FILE`.
    ///   - count: How many there may be; `1...` for one at least.
    ///   - help: A sentence for the help.
    ///   - completion: What a shell may offer.
    public init(
        operands name: String, count: some RangeExpression<Int> = 0..., help: String, completion: CompletionKind = .file
    ) {
        let counts = count.relative(to: 0..<Int.max)
        self.init(
            .list(
                name, short: nil, argument: name, help: help, completion: completion,
                // bounded: a range that is not empty ends after its first number
                operands: counts.lowerBound...max(counts.lowerBound, counts.upperBound - 1), parse: { $0 }),
            default: [])
    }
}

extension Option where Value == Int {
    /// A decimal number within `range`.
    public init(
        _ name: String, short: Character? = nil, argument: String = "N", default defaultValue: Int,
        in range: ClosedRange<Int> = 0...Int.max, help: String
    ) {
        self.init(
            name, short: short, argument: argument, help: help, completion: .integer, default: defaultValue,
            defaultText: String(defaultValue)
        ) { text throws(OptionMistake) in
            guard DecimalText.isWhole(text) else { throw OptionMistake("is not a whole number") }
            guard let number = DecimalText.parse(text, in: range) else {
                throw OptionMistake("is not \(describe(range))")
            }
            return number
        }
    }
}

extension Option where Value == Double {
    /// A decimal number, with or without a fraction (`0.5`, `-3`, `2.5e3`), within `range`.
    public init(
        _ name: String, short: Character? = nil, argument: String = "X", default defaultValue: Double,
        // bounded: two constants
        in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude, help: String
    ) {
        self.init(
            name, short: short, argument: argument, help: help, default: defaultValue,
            defaultText: "\(defaultValue)"
        ) { text throws(OptionMistake) in
            // Neither hexadecimal nor "inf" nor "nan", which Swift would take.
            let isPlain = text.utf8.allSatisfy { "0123456789.eE+-".utf8.contains($0) }
            guard isPlain, let number = Double(text), number.isFinite else { throw OptionMistake("is not a number") }
            guard range.contains(number) else {
                throw OptionMistake("is not \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }
}

extension Option where Value == Duration {
    /// A time: `90` or `90s`, `250ms`, `5m`, `2h`, `7d`.
    public init(_ name: String, short: Character? = nil, default defaultValue: Duration, help: String) {
        self.init(
            name, short: short, argument: "DURATION", help: help, default: defaultValue,
            defaultText: DurationText.text(defaultValue)
        ) { text throws(OptionMistake) in
            guard let duration = DurationText.parse(text, withoutUnit: .seconds) else {
                throw OptionMistake("is not a time such as 90s, 250ms, 5m, 2h or 7d")
            }
            return duration
        }
    }
}

extension Option where Value == BindAddress? {
    /// A numeric address or the path of a Unix socket, as `--bind` takes it.
    public init(address name: String, short: Character? = nil, help: String) {
        self.init(
            name, short: short, argument: "ADDR", help: help, completion: .internetAddress, default: nil
        ) { text throws(OptionMistake) in
            try BindAddress(parsing: text)
        }
    }
}

extension Option where Value == [BindAddress] {
    /// Addresses, one for each time that the option is given.
    public init(addresses name: String, short: Character? = nil, help: String) {
        self.init(
            .list(name, short: short, argument: "ADDR", help: help, completion: .internetAddress) {
                text throws(OptionMistake) in
                try BindAddress(parsing: text)
            },
            default: [])
    }
}

private func joined(_ defaults: [String]) -> String? { defaults.isEmpty ? nil : defaults.joined(separator: " ") }

private func chosen(_ text: String, _ choices: [String]) throws(OptionMistake) -> String {
    guard choices.contains(text) else {
        throw OptionMistake("is not one of \(choices.joined(separator: ", "))")
    }
    return text
}

private func describe(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
}

package func port(_ text: String) throws(OptionMistake) -> UInt16 {
    guard let port = DecimalText.parse(text, in: 1...UInt16.max) else {
        throw OptionMistake("is not a port (1 to 65535)")
    }
    return port
}
