import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Claims, and orders to the server and to the proxy in front of it. */
final class Stage {
  /**
   * Seconds; longer than anything may take on a busy machine. A claim that holds never waits for
   * it.
   */
  static final long PATIENCE = 20;

  private static final BufferedReader ANSWERS =
      new BufferedReader(new InputStreamReader(System.in));
  private static final ExecutorService ASIDE =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work);
            thread.setDaemon(true);
            return thread;
          });
  private static int failures = 0;

  interface Claim {
    void run() throws Exception;
  }

  /** Runs one claim and prints how it went. */
  static void check(String name, Claim claim) {
    try {
      claim.run();
      System.out.println("ok " + name);
    } catch (Throwable why) {
      failures++;
      System.out.println("not ok " + name + ": " + why);
      why.printStackTrace();
    }
  }

  static boolean failed() {
    return failures > 0;
  }

  static void that(boolean holds, Object why) {
    if (!holds) {
      throw new AssertionError(why);
    }
  }

  static void equal(Object got, Object wanted) {
    that(Objects.equals(got, wanted), "got " + got + " instead of " + wanted);
  }

  /** The call fails with this exception, and with no other. */
  static void refused(Class<? extends Exception> wanted, Callable<?> call) throws Exception {
    Object result;
    try {
      result = call.call();
    } catch (Exception got) {
      if (wanted.isInstance(got)) {
        return;
      }
      throw got;
    }
    throw new AssertionError("no " + wanted.getSimpleName() + " but " + result);
  }

  /** Has the proxy or the server do something; returns when it is done. */
  static void order(String what) throws IOException {
    System.out.println(what);
    equal(ANSWERS.readLine(), "done");
  }

  /** Runs something that blocks on a thread of its own. */
  static <T> Future<T> aside(Callable<T> work) {
    return ASIDE.submit(work);
  }

  static <T> T soon(Future<T> result) throws Exception {
    return result.get(PATIENCE, TimeUnit.SECONDS);
  }

  /** What was heard, in order. */
  static final class Heard<T> {
    private final BlockingQueue<T> queue = new LinkedBlockingQueue<>();

    void add(T item) {
      queue.add(item);
    }

    T next() throws InterruptedException {
      T item = queue.poll(PATIENCE, TimeUnit.SECONDS);
      that(item != null, "nothing heard within " + PATIENCE + " s");
      return item;
    }

    /** Waits for this; what comes before it is passed over. */
    void skipTo(T wanted) throws InterruptedException {
      while (!next().equals(wanted)) {}
    }

    boolean isDrained() {
      return queue.isEmpty();
    }
  }

  private Stage() {}
}
