import DaemonCore
import Testing

@testable import DeploymentFiles

@Suite("Manual pages", .timeLimit(.minutes(20)))
struct ManualPageTests {
    private func page(_ daemon: Daemon, _ options: [OptionDefinition]) -> String {
        HelpText(daemon: daemon, options: options).manual(nil)
    }

    @Test("a page has name, synopsis, options and what each daemon of this library does")
    func sections() {
        let text = page(testd, OptionList.standard.offered(by: testd))
        #expect(text.contains(".TH \"TESTD\" 8 \"\" \"testd 1.2\"\n") && text.contains("\ntestd \\- Serves tests\n"))
        #expect(text.contains("\n.TP\n\\fB\\-p, \\-\\-port=PORT\\fR\nNetwork port (default 7).\n"))
        for title in ["NAME", "SYNOPSIS", "\"DESCRIPTION\"", "\"FILES\"", "\"SIGNALS\"", "\"EXIT STATUS\""] {
            #expect(text.contains("\n.SH \(title)\n"), "\(title)")
        }
    }

    @Test("no text is a request or an escape of roff")
    func hostile() {
        let own = Option(flag: "own", help: ".so /etc/passwd \\f(XX 'it' `id` ~ ^ \"q\"\n.sp 9")
        let text = page(Daemon("x-y", version: "\"1\"", summary: "'sh\n.ex \\n"), [own.definition])
        let requests = text.split(separator: "\n").filter { $0.hasPrefix(".") || $0.hasPrefix("'") }
        let known = [".\\\"", ".TH ", ".ad l", ".nh", ".SH ", ".nf", ".fi", ".PP", ".TP"]
        for line in requests { #expect(known.contains { line.hasPrefix($0) }, "\(line)") }
        #expect(
            text.contains("\n\\&.so /etc/passwd \\ef(XX \\(aqit\\(aq \\(gaid\\(ga \\(ti \\(ha \\(dqq\\(dq .sp 9.\n"))
        #expect(text.contains("\nx\\-y \\- \\(aqsh .ex \\en\n"))
    }

    @Test("the option is known, and hidden from help and completion")
    func hidden() {
        let line = CommandLineParser(
            ["--help-manual"], options: OptionList.standard.offered(by: testd) + StandardOption.hidden)
        #expect(line.mistakes.isEmpty && line.values[StandardOption.helpManual])
        let shown = HelpText(daemon: testd, options: OptionList.standard.offered(by: testd))
        for text in [shown.help, shown.completionLines, shown.completionScript(for: "bash")] {
            #expect(!text.contains("help-manual"))
        }
    }
}
