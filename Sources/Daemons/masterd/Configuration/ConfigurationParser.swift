import DaemonKit
import Text

/// Reads configuration files: a pure function, which names every mistake.
struct ConfigurationParser {
    /// What all lines may come to once their variables are put in.
    private static let mostBytes = 16 << 20

    enum SectionKeyword: String, CaseIterable {
        case global, listen, worker, program
    }

    var configuration = Configuration()
    /// The section that the lines belong to; the last one of its kind.
    private(set) var section: SectionKeyword?
    /// The keywords of this section, and where they stand.
    private var given: [String: Place] = [:]
    private var globalGiven: [String: Place] = [:]
    private var mistakes = Mistakes()
    private var size = 0

    static func parse(
        _ files: [ConfigurationFile], environment: [String: String]
    ) throws(ConfigurationError) -> Configuration {
        var parser = ConfigurationParser()
        parser.configuration.environment = environment
        for file in files { parser.read(file) }
        if parser.configuration.services.isEmpty && parser.mistakes.isEmpty {
            parser.complain(Place(file: files.last?.path ?? "masterd", line: 0), "no 'worker' or 'program' section.")
        }
        parser.checkTogether()
        guard parser.mistakes.isEmpty else {
            throw ConfigurationError(mistakes: parser.mistakes.sorted(by: files.map(\.path)))
        }
        return parser.configuration
    }

    mutating func complain(_ place: Place, _ text: String) { mistakes.add(place, text) }

    // MARK: Line by line

    private mutating func read(_ file: ConfigurationFile) {
        file.forEachLine { line, place in
            read(line, place)
            if size <= Self.mostBytes { return true }
            complain(place, "the configuration has more than \(Self.mostBytes) bytes up to here.")
            return false
        }
        // A section ends with its file.
        close()
    }

    private mutating func read(_ bytes: ArraySlice<UInt8>, _ place: Place) {
        do {
            let (words, size) = try WordReader.words(of: bytes, environment: configuration.environment)
            self.size += size
            let isIndented = bytes.first == UInt8(ascii: " ") || bytes.first == UInt8(ascii: "\t")
            guard var line = Line(words, place: place, isIndented: isIndented) else { return }
            try read(&line)
        } catch {
            complain(place, error.text)
        }
    }

    private mutating func read(_ line: inout Line) throws(Complaint) {
        guard !line.isNegated || line.keyword == "option" else {
            throw Complaint("negation currently supported only for options.")
        }
        if let keyword = header(line) { return try open(keyword, &line) }
        switch section {
        case .global: try readGlobal(&line)
        case .listen: try readListen(&line)
        case .worker, .program: try readService(&line)
        case nil:
            let names = SectionKeyword.allCases.map(\.rawValue)
            throw Complaint("unknown keyword '\(line.keyword)' out of section\(suggestion(line.keyword, names) ?? ".")")
        }
    }

    /// `listen` is also a keyword of workers and programs: there it is indented.
    private func header(_ line: Line) -> SectionKeyword? {
        guard !line.isNegated, let keyword = SectionKeyword(rawValue: line.keyword) else { return nil }
        let isInService = section == .worker || section == .program
        return keyword == .listen && isInService && line.isIndented ? nil : keyword
    }

    // MARK: Sections

    private mutating func open(_ keyword: SectionKeyword, _ line: inout Line) throws(Complaint) {
        close()
        section = keyword
        if keyword == .global {
            given = globalGiven
            return try line.finish()
        }
        // A section without a right name is read all the same: its lines may have mistakes of their own.
        let name = line.next() ?? ""
        switch keyword {
        case .worker: configuration.services.append(ServiceSection(.worker, name, line.place))
        case .program: configuration.services.append(ServiceSection(.program, name, line.place))
        case .listen, .global: configuration.listeners.append(ListenSection(name: name, place: line.place))
        }
        if name.isEmpty { throw Complaint("'\(keyword.rawValue)' expects an <id> argument") }
        try checkName(name, keyword)
        try line.finish()
    }

    private func checkName(_ name: String, _ keyword: SectionKeyword) throws(Complaint) {
        // LISTEN_FDNAMES, the control socket and the state must not be torn by a name.
        let others = keyword == .listen ? "_.-" : "_.-:"
        for scalar in name.unicodeScalars {
            let isLetter = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            guard isLetter || others.unicodeScalars.contains(scalar) else {
                throw Complaint("character '\(scalar)' is not permitted in '\(keyword.rawValue)' name '\(name)'.")
            }
        }
        if name.utf8.count > 255 { throw Complaint("'\(keyword.rawValue)' name '\(name)' has more than 255 letters.") }
        if keyword != .listen && (DecimalText.isDigits(name[...]) || name == "master") {
            throw Complaint("'\(keyword.rawValue)' name '\(name)' means another process on the control socket.")
        }
    }

    /// What a section must have.
    private mutating func close() {
        defer { (section, given) = (nil, [:]) }
        switch section {
        case .global: globalGiven = given
        case .listen:
            guard let last = configuration.listeners.last, !last.name.isEmpty, given["bind"] == nil else { return }
            complain(
                last.place,
                "The listen section '\(last.name)' lacks a 'bind' (the 'listen' of a worker or program is indented).")
        case .worker, .program:
            guard let last = configuration.services.last, !last.name.isEmpty, given["command"] == nil else { return }
            complain(last.place, "The \(last.kind.rawValue) section '\(last.name)' lacks a command to launch.")
        case nil: break
        }
    }

    // MARK: Keywords

    func unknownKeyword(_ line: Line, _ keywords: [String]) -> Complaint {
        let name = section?.rawValue ?? ""
        let near = suggestion(line.keyword, keywords + SectionKeyword.allCases.map(\.rawValue)) ?? ""
        return Complaint("unknown keyword '\(line.keyword)' in '\(name)' section\(near)")
    }

    /// Once for each `key` in a section, which other keywords may share.
    mutating func once(_ line: Line, as key: String? = nil) throws(Complaint) {
        if let place = given[key ?? line.keyword] {
            throw Complaint("'\(key ?? line.keyword)' already specified at \(place).")
        }
        note(line, as: key)
    }

    mutating func note(_ line: Line, as key: String? = nil) { given[key ?? line.keyword] = line.place }
}

extension ServiceSection {
    fileprivate init(_ kind: Kind, _ name: String, _ place: Place) {
        self.init(kind, name)
        self.place = place
    }
}
