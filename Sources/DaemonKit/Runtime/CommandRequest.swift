/// What an administrator asked of a command that the daemon has registered with `Context.command`.
public struct CommandRequest: Sendable {
    /// The words after those of the command.
    public let arguments: [String]
    /// The text that came with `<<PATTERN`, each line with its end; nil where none was announced.
    public let payload: String?
    /// What the session may do: the command's own level at least.
    public let level: ControlLevel
}
