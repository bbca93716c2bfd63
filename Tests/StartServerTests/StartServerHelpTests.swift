import Testing

import let DaemonKit.releaseVersion

@testable import start_server

@Suite("--help and --version", .timeLimit(.minutes(20)))
struct StartServerHelpTests {
    @Test("every option is in the help, and none that there is not")
    func options() {
        let words = HelpText.help.split { !($0.isLetter || $0 == "-") }.filter { $0.hasPrefix("--") && $0 != "--" }
        #expect(Set(words.map { String($0.dropFirst(2)) }) == Set(SettingsOption.allCases.map(\.rawValue)))
    }

    @Test("the help fits a terminal of 80 columns")
    func width() {
        for line in HelpText.help.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        #expect(HelpText.help.hasSuffix("\n") && !HelpText.help.hasSuffix("\n\n"))
    }

    @Test("the version is one line with the name")
    func version() { #expect(HelpText.version == "start_server (DaemonKit) \(releaseVersion)\n") }
}
