/// What a socket is to have besides its address: the words behind one, with HAProxy's names. The same words stand behind
/// commas in the address's own text, and as words of their own in a line of a configuration.
package struct AddressOptions: Hashable, Sendable {
    /// Of a Unix socket's file; nil leaves it to the umask.
    package var mode: UInt32?
    /// Names or numbers. A user brings its main group where no group is named, as systemd's SocketUser= does.
    package var user: String?
    package var group: String?
    /// nil: as long a queue as the system allows.
    package var backlog: Int32?
    /// Of an IPv6 address: only IPv6, or IPv4 too; nil leaves it to who binds.
    package var isIPv6Only: Bool?
    /// To an address that the machine does not have yet. IP_FREEBIND, ip(7)
    package var freebind = false
    package var reuseport = false

    package init() {}

    package enum Word: String, CaseIterable, Sendable {
        case backlog, reuseport, v6only, v4v6, freebind, mode, user, group

        /// What stands behind it, for messages; nil for a word without a value.
        package var expects: String? {
            switch self {
            case .mode: "an octal number from 0 to 777"
            case .user: "a user name"
            case .group: "a group name"
            case .backlog: "a number from 1 to \(Int32.max)"
            case .v6only, .v4v6, .freebind, .reuseport: nil
            }
        }
    }

    package enum Refusal: Error, Hashable, Sendable {
        case twice, bothFamilies, value
    }

    /// One more word; `value` is empty for one without.
    package mutating func add(_ word: Word, _ value: String) throws(Refusal) {
        if words.contains(where: { $0.word == word }) { throw .twice }
        if word == .v6only || word == .v4v6, isIPv6Only != nil { throw .bothFamilies }
        guard set(word, value) else { throw .value }
    }

    /// False where the value is none that the word expects.
    private mutating func set(_ word: Word, _ value: String) -> Bool {
        switch word {
        case .mode:
            guard DecimalText.isDigits(value), value.utf8.count <= 4 else { return false }
            mode = UInt32(value, radix: 8).flatMap { $0 <= 0o777 ? $0 : nil }
            return mode != nil
        case .backlog:
            backlog = DecimalText.parse(value, in: 1...Int32.max)
            return backlog != nil
        case .user: user = value
        case .group: group = value
        case .v6only: isIPv6Only = true
        case .v4v6: isIPv6Only = false
        case .freebind: freebind = true
        case .reuseport: reuseport = true
        }
        return word.expects == nil ? value.isEmpty : !value.isEmpty && !value.utf8.contains(0)
    }

    /// The words that are set, in one order, with their values; empty for a word without one.
    package var words: [(word: Word, value: String)] {
        Word.allCases.compactMap { word in
            let value: String? =
                switch word {
                case .mode: mode.map { String($0, radix: 8) }
                case .user: user
                case .group: group
                case .backlog: backlog.map { String($0) }
                case .v6only: isIPv6Only == true ? "" : nil
                case .v4v6: isIPv6Only == false ? "" : nil
                case .freebind: freebind ? "" : nil
                case .reuseport: reuseport ? "" : nil
                }
            return value.map { (word, $0) }
        }
    }

    // MARK: What fits an address

    /// What the words are behind.
    package struct Target: Sendable {
        package var kind: Kind
        package var isDatagram = false

        package enum Kind: Sendable {
            case file, abstract, ipv4, ipv6
            /// `[::]`
            case anyIPv6
        }

        package init(_ kind: Kind, isDatagram: Bool = false) { (self.kind, self.isDatagram) = (kind, isDatagram) }
    }

    /// A word that the address cannot have, or that the other words exclude.
    package struct Misfit: Hashable, Sendable {
        package let word: Word
        package let reason: String
        /// What the address should have been, and is none of.
        package var isOfAddress = false
    }

    /// The first word that does not belong to such an address.
    package func misfit(with target: Target) -> Misfit? {
        words.lazy.compactMap { misfit($0.word, target) }.first
    }

    private func misfit(_ word: Word, _ target: Target) -> Misfit? {
        switch (word, target.kind) {
        case (.mode, .file), (.user, .file), (.group, .file): nil
        case (.mode, _), (.user, _), (.group, _):
            Misfit(word: word, reason: "is for the path of a socket", isOfAddress: true)
        case (.backlog, _): target.isDatagram ? Misfit(word: word, reason: "is not for datagrams") : nil
        case (_, .file), (_, .abstract): Misfit(word: word, reason: "is not for the path of a socket")
        case (.v6only, .ipv4): Misfit(word: word, reason: "is for an IPv6 address", isOfAddress: true)
        case (.v4v6, .ipv4), (.v4v6, .ipv6): Misfit(word: word, reason: "is for the address [::]", isOfAddress: true)
        case (.freebind, _): Self.hasFreebind ? nil : Misfit(word: word, reason: "is known to Linux only")
        case (.v6only, _), (.v4v6, _), (.reuseport, _): nil
        }
    }

    #if os(Linux)
    private static let hasFreebind = true
    #else
    private static let hasFreebind = false
    #endif
}

/// An address with its options, as a command line writes them: `unix:/run/x.sock,mode=660,group=www-data`. A comma of a
/// path is doubled.
package struct OptionedAddress: Hashable, Sendable {
    /// Of the address alone, with single commas.
    package let text: String
    package var options = AddressOptions()

    private static let comma = UInt8(ascii: ",")

    /// Reads the options and leaves the address to be read; `text` is not empty where it was not.
    package init(parsing text: String) throws(AddressMistake) {
        guard text.utf8.contains(Self.comma) else {
            self.text = text
            return
        }
        let bytes = Array(text.utf8)
        var address: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == Self.comma {
                guard rest.first == Self.comma else {
                    self.text = String(decoding: address, as: UTF8.self)
                    try read(rest)
                    return
                }
                rest.removeFirst()
            }
            address.append(byte)
        }
        self.text = String(decoding: address, as: UTF8.self)
    }

    /// Reads the same where commas were part of a path before there were options: the first one that stands before an
    /// option's word, or before what looks like `WORD=` with a letter wrong, ends it; no comma is doubled.
    package init(literal text: String) throws(AddressMistake) {
        let bytes = Array(text.utf8)
        for place in bytes.indices where bytes[place] == Self.comma {
            let rest = bytes[place...].dropFirst()  // bounded: a place within the bytes
            guard Self.looksLikeOption(rest.prefix { $0 != Self.comma }) else { continue }
            self.text = String(decoding: bytes[..<place], as: UTF8.self)  // bounded: a place within them
            try read(rest)
            return
        }
        self.text = text
    }

    private static func looksLikeOption(_ part: ArraySlice<UInt8>) -> Bool {
        let name = part.prefix { $0 != UInt8(ascii: "=") }
        let word = String(decoding: name, as: UTF8.self)
        if AddressOptions.Word(rawValue: word) != nil { return true }
        return name.count < part.count
            && Suggestion.nearest(word, AddressOptions.Word.allCases.map(\.rawValue)) != nil
    }

    package init(_ text: String, _ options: AddressOptions = AddressOptions()) {
        (self.text, self.options) = (text, options)
    }

    private mutating func read(_ list: ArraySlice<UInt8>) throws(AddressMistake) {
        for part in list.split(separator: Self.comma, omittingEmptySubsequences: false) {
            let name = part.prefix { $0 != UInt8(ascii: "=") }
            guard let word = AddressOptions.Word(rawValue: String(decoding: name, as: UTF8.self)) else {
                throw AddressMistake(.option, name)
            }
            let hasValue = part.count > name.count
            let value = String(decoding: part.dropFirst(name.count).dropFirst(), as: UTF8.self)
            guard hasValue == (word.expects != nil) else { throw AddressMistake(.optionValue(word), part) }
            do {
                try options.add(word, value)
            } catch {
                switch error {
                case .twice: throw AddressMistake(.optionTwice, name)
                case .bothFamilies: throw AddressMistake(.bothFamilies, name)
                case .value: throw AddressMistake(.optionValue(word), part)
                }
            }
        }
    }

    /// As `init(parsing:)` reads it.
    package var description: String {
        let address = text.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
        return ([address] + options.words.map { $0.value.isEmpty ? $0.word.rawValue : "\($0.word)=\($0.value)" })
            .joined(separator: ",")
    }
}
