import CRSAMDist
import Testing
import Training

@Suite struct ConsoleTests {
    @Test func `our symbols have an equal in ASCII, a path keeps its letters`() {
        #expect(Console.inASCII("██░ ‖g0‖ 0.5, …") == "##. |g0| 0.5, ~")
        #expect(Console.inASCII("runs/größe") == "runs/größe")
    }

    @Test(arguments: [
        (["TERM": "xterm"], false), (["TERM": "screen-256color", "CI": ""], false),
        (["TERM": "xterm", "CI": "false"], false),
        (["TERM": "dumb"], true), (["TERM": ""], true), ([:], true), (["TERM": "xterm", "CI": "true"], true),
        (["TERM": "xterm", "CI": "1"], true),
    ])
    func `an environment without a screen gets lines`(environment: [String: String], isLog: Bool) {
        #expect(Terminal.isLog { environment[$0] } == isLog)
    }
}
