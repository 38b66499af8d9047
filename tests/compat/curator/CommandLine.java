import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** What operators type at `zkCli.sh`, typed into the class behind it. */
final class CommandLine {
  /** Seconds for a Java machine to start, to do it all and to end. */
  private static final long PATIENCE = 60;

  static void run(String hosts) {
    StringBuilder heard = new StringBuilder();
    Stage.check(
        "zkCli ends by itself",
        () ->
            heard.append(
                session(
                    hosts,
                    List.of(
                        "create /cli first",
                        "create -e -s /cli/e- second",
                        "ls -R /cli",
                        "set -v 0 /cli third",
                        "get -s /cli",
                        "set -v 7 /cli fourth",
                        "getAllChildrenNumber /cli",
                        "setAcl /cli world:anyone:cdrw",
                        "getAcl /cli",
                        "getEphemerals",
                        "setquota -n 10 /cli",
                        "listquota /cli",
                        "delquota /cli",
                        "deleteall /cli",
                        "stat /cli",
                        "version",
                        "quit"))));
    String said = heard.toString();
    for (String wanted :
        List.of(
            "Created /cli\n",
            "Created /cli/e-0000000000\n",
            "/cli/e-0000000000\n",
            "third\n",
            "dataVersion = 1\n",
            "numChildren = 1\n",
            "version No is not valid : /cli",
            "\n1\n",
            "'world,'anyone\n",
            ": cdrw\n",
            "[/cli/e-0000000000]",
            "count=10",
            "Node does not exist: /cli")) {
      Stage.check("zkCli says " + wanted.strip(), () -> Stage.that(said.contains(wanted), said));
    }
  }

  private static String session(String hosts, List<String> lines) throws Exception {
    Process process =
        new ProcessBuilder(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "org.apache.zookeeper.ZooKeeperMain",
                "-server",
                hosts,
                "-waitforconnection")
            .redirectErrorStream(true)
            .start();
    try {
      process
          .getOutputStream()
          .write((String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().close();
      Future<String> said =
          Stage.aside(
              () -> new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
      return said.get(PATIENCE, TimeUnit.SECONDS);
    } finally {
      process.destroyForcibly();
    }
  }

  private CommandLine() {}
}
