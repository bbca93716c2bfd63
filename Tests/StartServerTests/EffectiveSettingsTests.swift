import Testing

@testable import start_server

@Suite("Settings in effect", .timeLimit(.minutes(20)))
struct EffectiveSettingsTests {
    private let folder = TemporaryFolder()

    private func effective(
        _ words: String = "", environment: [String: String] = [:], files: [String: String] = [:]
    ) throws -> EffectiveSettings {
        for (name, text) in files { try folder.write(text, to: name) }
        let settings = try parse(words + " p")
        return EffectiveSettings(settings, envdir: EnvDir(reading: folder.path)) { environment[$0] }
    }

    @Test("without anything there is no automatic restart and no delay")
    func defaults() throws {
        let settings = try effective()
        #expect(!settings.enableAutoRestart && settings.killOldDelay == .zero)
        #expect(settings.autoRestartInterval == .seconds(360) && settings.mistakes.isEmpty)
    }

    @Test("a file goes before the option, and the option before the environment")
    func precedence() throws {
        let environment = ["KILL_OLD_DELAY": "9", "AUTO_RESTART_INTERVAL": "99"]
        let options = "--kill-old-delay=3 --auto-restart-interval=33"
        let first = try effective(environment: environment)
        #expect(first.killOldDelay == .seconds(9) && first.autoRestartInterval == .seconds(99))
        let second = try effective(options, environment: environment)
        #expect(second.killOldDelay == .seconds(3) && second.autoRestartInterval == .seconds(33))
        let files = ["KILL_OLD_DELAY": "7\n", "AUTO_RESTART_INTERVAL": "0.5\nx"]
        let third = try effective(options, environment: environment, files: files)
        #expect(third.killOldDelay == .seconds(7) && third.autoRestartInterval == .milliseconds(500))
    }

    @Test(
        "empty and 0 turn the automatic restart off, anything else turns it on",
        arguments: [("", false), ("0", false), ("1", true), ("no", true), ("00", true)])
    func switches(text: String, isOn: Bool) throws {
        #expect(try effective(environment: ["ENABLE_AUTO_RESTART": text]).enableAutoRestart == isOn)
        #expect(try effective("--enable", environment: ["ENABLE_AUTO_RESTART": text]).enableAutoRestart)
        // A file with a line, if an empty one.
        let files = ["ENABLE_AUTO_RESTART": text + "\n"]
        #expect(try effective("--enable", files: files).enableAutoRestart == isOn)
    }

    @Test("with automatic restarts old workers stay for 5 s, unless a delay is set, if only to nothing")
    func delay() throws {
        #expect(try effective("--enable").killOldDelay == .seconds(5))
        #expect(try effective(environment: ["ENABLE_AUTO_RESTART": "1"]).killOldDelay == .seconds(5))
        #expect(try effective("--enable --kill-old-delay=0").killOldDelay == .zero)
        for text in ["", "0"] {
            #expect(try effective("--enable", environment: ["KILL_OLD_DELAY": text]).killOldDelay == .zero)
        }
        #expect(try effective("--kill-old-delay=2", files: ["ENABLE_AUTO_RESTART": "1"]).killOldDelay == .seconds(2))
    }

    @Test("an interval of nothing is the default")
    func noInterval() throws {
        #expect(try effective("--auto-restart-interval=0").autoRestartInterval == .seconds(360))
        #expect(try effective(environment: ["AUTO_RESTART_INTERVAL": ""]).autoRestartInterval == .seconds(360))
    }

    @Test("blanks around a number do not matter, and what is no number is said and taken as 0")
    func garbage() throws {
        #expect(try effective(files: ["KILL_OLD_DELAY": " 2\t\r\n"]).killOldDelay == .seconds(2))
        let settings = try effective(
            "--enable --kill-old-delay=3", environment: ["AUTO_RESTART_INTERVAL": "nan"],
            files: ["KILL_OLD_DELAY": "5s"])
        #expect(settings.killOldDelay == .zero && settings.autoRestartInterval == .seconds(360))
        #expect(
            settings.mistakes == [
                "AUTO_RESTART_INTERVAL='nan' is not a number of seconds: taken as 0",
                "KILL_OLD_DELAY='5s' is not a number of seconds: taken as 0",
            ])
    }

    @Test("the envdir is that of the option, else that of the environment; an empty name is none")
    func envdir() throws {
        let (none, given) = (try parse("p"), try parse("--envdir=a p"))
        #expect(EffectiveSettings.envdir(none) { _ in nil } == nil)
        #expect(EffectiveSettings.envdir(none) { $0 == "ENVDIR" ? "b" : nil } == "b")
        #expect(EffectiveSettings.envdir(none) { _ in "" } == nil)
        #expect(EffectiveSettings.envdir(given) { _ in "b" } == "a")
    }
}
