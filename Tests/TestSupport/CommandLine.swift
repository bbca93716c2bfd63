import DaemonCore

/// A daemon that listens, so that it offers every standard option.
package let testd = Daemon("testd", version: "1.2", summary: "Serves tests.", listens: [.stream], port: 7)

/// Reads words against the standard options and some more.
package func parse(_ words: [String], _ own: [any DaemonOption] = []) -> CommandLineParser {
    CommandLineParser(words, options: (.standard + own).offered(by: testd))
}

package func parse(_ words: String..., own: [any DaemonOption] = []) -> CommandLineParser { parse(words, own) }
