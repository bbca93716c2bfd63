import DaemonCore
import Testing
import Text

@testable import DeploymentFiles

@Suite("Images and pods", .timeLimit(.minutes(20)))
struct ContainerTests {
    private func deployment(_ daemon: Daemon, _ words: String...) -> Deployment {
        Deployment(daemon, CommandLineParser(words, options: OptionList.standard.offered(by: daemon)).values)
    }

    @Test(
        "a daemon's name becomes a label of the domain name system",
        arguments: [
            ("echod", "echod"), ("My_Daemon.v2", "my-daemon-v2"), ("9p", "d-9p"), ("-x-", "x"), ("_", "daemon"),
            (String(repeating: "a", count: 99), String(repeating: "a", count: 60)),
        ])
    func names(name: String, label: String) {
        #expect(deployment(Daemon(name, version: "1")).clusterName == label)
    }

    @Test(
        "an image has the version as its tag where it can",
        arguments: [("1.2", "x:1.2"), ("1.0+git 3", "x:1.0-git-3"), (".9", "x:latest"), ("", "x:latest")])
    func tags(version: String, image: String) {
        #expect(deployment(Daemon("x", version: version)).containerImage == image)
    }

    @Test("an account of the description is the container's, whose number it cannot know")
    func account() {
        let daemon = Daemon("x", version: "1", user: "web")
        #expect(deployment(daemon).containerCommand.last == "--no-user-checks")
        #expect(deployment(daemon, "--user=web").containerUser == 65532)
        #expect(deployment(daemon, "--user=7").containerUser == 7 && deployment(daemon, "--user=7").containerGroup == 7)
        #expect(!deployment(testd).containerCommand.contains("--no-user-checks"))
    }

    @Test("a Service is there exactly where other pods can reach the port")
    func service() {
        #expect(deployment(testd).kubernetesManifest.contains("kind: Service\n"))
        for bind in ["0.0.0.0", "[::]:70", "::"] {
            #expect(deployment(testd, "--bind=\(bind)").kubernetesManifest.contains("kind: Service\n"), "\(bind)")
        }
        for bind in ["127.0.0.1", "::1", "0.0.0.0:0", "/run/x"] {
            #expect(!deployment(testd, "--bind=\(bind)").kubernetesManifest.contains("kind: Service\n"), "\(bind)")
        }
        let quiet = deployment(Daemon("quietd", version: "1")).kubernetesManifest
        #expect(!quiet.contains("Service\n") && !quiet.contains("preStop:\n") && quiet.contains("- \"--status\"\n"))
    }

    @Test("a summary is a string of YAML, whatever stands in it")
    func summary() {
        let text = deployment(Daemon("x", version: "1", summary: "A \"b\"\\c: #d\n---\u{1}é")).kubernetesManifest
        #expect(text.contains(#"kubernetes.io/description: "A \"b\"\\c: #d ---\u0001é""# + "\n"))
    }

    @Test("Kubernetes puts no variable into an argument")
    func variables() { #expect(Quoting.kubernetesWord("a $(HOME) $x") == "\"a $$(HOME) $$x\"") }
}
