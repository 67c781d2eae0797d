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
        (["TERM": "xterm", "OMPI_MCA_orte_tag_output": "1"], true),
        (["TERM": "xterm", "OMPI_MCA_orte_tag_output": "0"], false),
        (["TERM": "xterm", "OMPI_MCA_orte_output_filename": "logs"], true),
    ])
    func `an environment without a screen gets lines`(environment: [String: String], isLog: Bool) {
        #expect(Terminal.isLog { environment[$0] } == isLog)
    }

    @Test(arguments: [
        (["train", "--output", "größe é", "-1"], nil),
        (["train", "--output", "l\u{FFFD}"], "is not text in UTF-8"),
        (["--resume\r"], "a carriage return: give the script Unix's line breaks"),
        (["--json", "a\nb"], "holds a control character"),
    ])
    func `an argument that is no plain text is named`(arguments: [String], expected: String?) {
        let problem = CommandText.problem(arguments)
        #expect((problem == nil) == (expected == nil))
        #expect(problem?.contains(expected ?? "") != false)
    }
}
