/**
 * Smoke test of Apache Curator, and of the Java client it stands on: `Smoke DIRECT THROUGH`, where
 * DIRECT is the server and THROUGH a proxy in front of it that obeys lines on standard output and
 * answers on standard input.
 */
final class Smoke {
  public static void main(String[] arguments) throws Exception {
    String direct = arguments[0];
    String through = arguments[1];
    PlainClient.run(direct);
    CommandLine.run(direct);
    Operations.run(direct);
    Recipes.run(direct);
    Sessions.run(direct, through);
    Logins.run(direct, through);
    Secured.run(direct, through);
    System.exit(Stage.failed() ? 1 : 0);
  }

  private Smoke() {}
}
