import DaemonKit
import Foundation

/// The arguments of a command as the daemon's options, which keep their texts, and back as the words that ArgumentParser
/// reads.
struct DeclaredArguments: Sendable {
    private struct Declared: Sendable {
        enum Kind: Sendable {
            case flag(DaemonKit.Option<Bool>)
            case value(DaemonKit.Option<String?>)
            case list(DaemonKit.Option<[String]>)
        }

        /// With its dashes.
        let name: String
        let kind: Kind
    }

    private var declared: [Declared] = []
    private var operands: DaemonKit.Option<[String]>?

    /// - Parameter help: What `_dumpHelp` gives, in JSON.
    init(_ help: String) {
        guard let tool = try? JSONDecoder().decode(ToolInfo.self, from: Data(help.utf8)) else { return }
        let arguments = tool.command.arguments ?? []
        for argument in arguments where argument.kind != "positional" { declare(argument) }
        let positional = arguments.filter { $0.kind == "positional" }
        guard !positional.isEmpty else { return }
        let least = positional.count { !$0.isOptional }
        let most = positional.contains(where: \.isRepeating) ? Int.max - 1 : positional.count
        operands = Option(
            operands: positional.map { ($0.valueName ?? "value").uppercased() }.joined(separator: " "),
            count: least...most, help: positional.compactMap(\.abstract).joined(separator: " "))
    }

    private mutating func declare(_ argument: ToolInfo.Argument) {
        let names = argument.names ?? []
        let short = names.first { $0.kind == "short" }?.name.first
        let long = names.filter { $0.kind != "short" && !["help", "version"].contains($0.name) }.map(\.name)
        guard !names.contains(where: { $0.name == "help" || $0.name == "version" }) else { return }
        if long.isEmpty, let short {
            add(argument, String(short), short: short, written: "-\(short)")
        }
        for (index, name) in long.enumerated() {
            add(argument, name, short: index == 0 ? short : nil, written: "--\(name)")
        }
    }

    private mutating func add(_ argument: ToolInfo.Argument, _ name: String, short: Character?, written: String) {
        let help = argument.abstract ?? ""
        let value = (argument.valueName ?? "value").uppercased()
        let kind: Declared.Kind
        if argument.kind == "flag" {
            kind = .flag(Option(flag: name, short: short, help: help))
        } else if argument.isRepeating {
            kind = .list(Option(list: name, short: short, argument: value, help: help))
        } else {
            let completion = argument.allValues.map { CompletionKind.choices($0) } ?? .string
            kind = .value(
                Option(
                    name, short: short, argument: value, help: help, completion: completion, default: nil,
                    defaultText: argument.defaultValue, parse: { $0 }))
        }
        declared.append(Declared(name: written, kind: kind))
    }

    var options: [any DaemonOption] {
        let options = declared.map { argument -> any DaemonOption in
            switch argument.kind {
            case .flag(let option): option
            case .value(let option): option
            case .list(let option): option
            }
        }
        return options + (operands.map { [$0] } ?? [])
    }

    /// What was given, as ArgumentParser takes it.
    func words(_ values: OptionValues) -> [String] {
        let given = declared.flatMap { argument -> [String] in
            switch argument.kind {
            case .flag(let option): values[option] ? [argument.name] : []
            case .value(let option): values[option].map { assigned(argument.name, $0) } ?? []
            case .list(let option): values[option].flatMap { assigned(argument.name, $0) }
            }
        }
        guard let operands, !values[operands].isEmpty else { return given }
        // After it a word may begin with a dash.
        return given + ["--"] + values[operands]
    }

    /// A value may begin with a dash where it is joined to its name.
    private func assigned(_ name: String, _ value: String) -> [String] {
        name.hasPrefix("--") ? ["\(name)=\(value)"] : [name, value]
    }
}

/// What of ArgumentParser's description of a command is needed: ArgumentParserToolInfo has the whole.
struct ToolInfo: Decodable {
    struct Command: Decodable { let arguments: [Argument]? }

    struct Argument: Decodable {
        struct Name: Decodable {
            /// `long`, `short` or `longWithSingleDash`
            let kind: String
            let name: String
        }

        /// `positional`, `option` or `flag`
        let kind: String
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let allValues: [String]?
        let abstract: String?
    }

    let command: Command
}
