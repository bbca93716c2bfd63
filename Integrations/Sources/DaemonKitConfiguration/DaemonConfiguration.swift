public import Configuration
public import DaemonKit
import Foundation
import Synchronization

/// A daemon's settings from swift-configuration: `--set KEY=VALUE` over the environment over the file of `--config`. They
/// are checked before the start, and read again at each reload; where they are wrong then, the old ones stay.
///
/// ```swift
/// struct Settings { let greeting: String }
///
/// genericMain(
///     Daemon("greetd", version: "1.0"), options: .standard + configurationOptions,
///     check: { try DaemonConfiguration($0) { Settings(greeting: try $0.requiredString(forKey: "greeting")) } },
///     main: { context, settings in
///         settings.reload(with: context)
///         …
///     })
/// ```
public final class DaemonConfiguration<Settings: Sendable>: Sendable {
    private struct State {
        var settings: Settings
        var handlers: [@Sendable (Settings) -> Void] = []
    }

    private let path: String?
    private let overrides: [String: String]
    private let make: @Sendable (ConfigReader) throws -> Settings
    private let state: Mutex<State>

    /// Reads all of it, for `check`.
    ///
    /// - Parameters:
    ///   - values: The command line, with ``configurationOptions``.
    ///   - make: Makes the settings, and throws what is wrong with them.
    /// - Throws: A `DaemonError` with what `make` threw or what is wrong with the file, and exit status 2 for a `--set`
    ///   without `=`.
    public init(_ values: OptionValues, _ make: @escaping @Sendable (ConfigReader) throws -> Settings) throws {
        path = values[configurationFile]
        overrides = try Self.overrides(values[configurationSet])
        self.make = make
        state = Mutex(State(settings: try Self.read(path, overrides, make)))
    }

    /// What was read last.
    public var current: Settings { state.withLock(\.settings) }

    /// Reads it again at each reload of the daemon.
    public func reload(with context: Context) { context.onReload { [self] in try read() } }

    /// Calls `body` with new settings after each reload that was good.
    public func onChange(_ body: @escaping @Sendable (Settings) -> Void) { state.withLock { $0.handlers.append(body) } }

    private func read() throws {
        let fresh = try Self.read(path, overrides, make)
        let handlers = state.withLock { state in
            state.settings = fresh
            return state.handlers
        }
        for body in handlers { body(fresh) }
    }

    private static func read(
        _ path: String?, _ overrides: [String: String], _ make: (ConfigReader) throws -> Settings
    ) throws -> Settings {
        var providers: [any ConfigProvider] = [
            EnvironmentVariablesProvider(environmentVariables: overrides), EnvironmentVariablesProvider(),
        ]
        do {
            if let path { providers.append(try FileSnapshot(path)) }
            return try make(ConfigReader(providers: providers))
        } catch {
            throw DaemonError("configuration\(path.map { " \($0)" } ?? ""): \(error)")
        }
    }

    /// As variables of an environment that comes first, which swift-configuration turns into values of any type.
    private static func overrides(_ words: [String]) throws -> [String: String] {
        var overrides: [String: String] = [:]
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
                throw DaemonError("--set \(word): it is KEY=VALUE", exitStatus: 2)
            }
            overrides[variable(word[..<equals])] = String(word[word.index(after: equals)...])
        }
        return overrides
    }

    /// `http.maxClients` is `HTTP_MAX_CLIENTS`.
    private static func variable(_ key: Substring) -> String {
        var name = ""
        for character in key {
            if character.isUppercase, name.last?.isLetter == true { name.append("_") }
            name.append(character.isLetter || character.isNumber ? character.uppercased() : "_")
        }
        return name
    }
}

/// `--config`: a file of swift-configuration in JSON.
public let configurationFile = Option<String?>(file: "config", help: "Configuration (JSON); read again at a reload")

/// `--set KEY=VALUE`, as often as you like: it comes before the environment and the file.
public let configurationSet = Option<[String]>(
    list: "set", argument: "KEY=VALUE", help: "One value of the configuration, before the environment and the file")

/// Both options, to be added to the daemon's.
public var configurationOptions: [any DaemonOption] { [configurationFile, configurationSet] }

/// A file as it was when it was read. swift-configuration's own provider is asynchronous, and one that reloads would take
/// SIGHUP's place; `check` may start no thread.
struct FileSnapshot: ConfigProvider {
    private let json: JSONSnapshot
    let providerName: String

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        providerName = "file \(path)"
        json = try JSONSnapshot(data: data.bytes, providerName: providerName, parsingOptions: .default)
    }

    func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        try json.value(forKey: key, type: type)
    }

    func fetchValue(forKey key: AbsoluteConfigKey, type: ConfigType) async throws -> LookupResult {
        try value(forKey: key, type: type)
    }

    func watchValue<Return: ~Copyable>(
        forKey key: AbsoluteConfigKey, type: ConfigType,
        updatesHandler: (ConfigUpdatesAsyncSequence<Result<LookupResult, any Error>, Never>) async throws -> Return
    ) async throws -> Return {
        try await watchValueFromValue(forKey: key, type: type, updatesHandler: updatesHandler)
    }

    func snapshot() -> any ConfigSnapshot { json }

    func watchSnapshot<Return: ~Copyable>(
        updatesHandler: (ConfigUpdatesAsyncSequence<any ConfigSnapshot, Never>) async throws -> Return
    ) async throws -> Return {
        try await watchSnapshotFromSnapshot(updatesHandler: updatesHandler)
    }
}
