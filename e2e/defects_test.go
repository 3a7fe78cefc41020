package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// defects are those of the first Lagermeister, in the order in which they were
// listed when it was studied, each with the tests that fail if we had it too:
// package folder and name. Those that no other test covered are in
// originaldefects_test.go, and have the number in their name.
var defects = []struct {
	number int
	what   string
	tests  string // separated by blanks
	none   string // why there is no test
}{
	{1, "the TCP receiver handled one record a read: the others waited for more data, and the end of the connection threw them away",
		"e2e.TestRecordsOfOneWriteBeforeCloseAllArrive receiver.TestTCPFiveRecordsInOneWriteThenClose", ""},
	{2, "the buffer of a post went back to the pool while the transport still read it: records arrived twice, mixed or never",
		"sink/httpclient.TestABodyIsNotReadOnceItIsReleased subscriber.TestEveryRecordIsDeliveredOnceAndEveryBlockSettled", ""},
	{3, "a batch whose time was up was filled with copies of its last record, one time-out each",
		"subscriber.TestALoneRecordWaitsForItsTimerOnly subscriber.TestEveryRecordIsDeliveredOnceAndEveryBlockSettled", ""},
	{4, "a record was acknowledged before it was delivered, a failed post dropped, and the last batch not awaited at the end",
		"subscriber.TestASinkThatFailsForAWhileGetsEverythingOnce subscriber.TestACrashBetweenTwoStepsRepeatsOnlyTheLaterOnes " +
			"subscriber.TestAnswersThatArriveWhileStoppingAreSettled e2e/binaries.TestRecordsFlowThroughSeparateProgramsThoughOneIsKilled", ""},
	{5, "the unit separator was looked for from the start of the buffer: lengths and signatures that hold its byte broke the record",
		"receiver.TestTCPTakesEveryBodyLength e2e.TestAMessageOfEveryLengthArrives e2e.TestOriginalDefect05SeparatorInsideAHeader", ""},
	{6, "every problem threw away all that was buffered, good records too",
		"receiver.TestTCPGarbageAndBadRecordsLeaveTheConnectionOpen heka.TestScannerResynchronisesOneByteOn", ""},
	{7, "messages of 10,234 bytes and more were dropped without being counted",
		"receiver.TestTCPTakesEveryBodyLength heka.TestReaderTakesBodiesUpToItsLimit receiver.TestSiftCountsEachRefusal", ""},
	{8, "after five tries a record was dropped, and HTTP answered 200",
		"publisher.TestBlockIsResentWhenItWasRefused receiver.TestHTTPAnswersOnlyWhenStored receiver.TestHTTPAckTimeoutIs503AndMayStillBeStored", ""},
	{9, "an unknown name in the list of fields left half an object in every batch",
		"heka/encode.TestSettingsThatCannotBeUsedAreNamed heka/encode.FuzzDocuments", ""},
	{10, "a comma was missing in documents with certain lists of fields",
		"heka/encode.TestHekaDocumentsAreThoseOfTheOriginalLagermeister heka/encode.FuzzDocuments", ""},
	{11, "env_version and parts of a second never reached the document",
		"heka/encode.TestECSWritesEveryHeaderUnderItsKey heka/encode.TestDatesKeepNineDigitsOnBothSidesOf1970", ""},
	{12, "the TCP receiver's match spec had no effect",
		"e2e.TestOriginalDefect12MatchSpecOfTheTCPReceiver", ""},
	{13, "a batch size other than 100 waited for its timer, and doubled records",
		"subscriber.TestABatchThatCannotFillIsSentAtOnce e2e.TestBlocksOfOneRecordDrainAtFullSpeed e2e/elastic.TestAThousandRecordsABatch", ""},
	{14, "the time of a batch was that of its records, so that one from the future stopped delivery; a reconnect began again at the start option",
		"e2e.TestOriginalDefect14RecordFromTheFuture stream.TestExistingGroupResumes subscriber.TestALostBrokerLosesAndDoublesNothing", ""},
	{15, "the HTTP receiver never listened, and crashed at a signal",
		"http_receiver.TestARecordThatIsAnsweredIsStored", ""},
	{16, "an HTTP body of more than 21,504 bytes was read for ever, one processor each",
		"e2e.TestOriginalDefect16LargeAndCutBodies receiver.TestHTTPAnswers receiver.TestHTTPClientThatBreaksOff", ""},
	{17, "a message with fields and no payload, or with a negative length, crashed the HTTP receiver's handler",
		"e2e.TestOriginalDefects17And18And20HostileRecords heka.TestEveryRecordDecodesAsInHeka", ""},
	{18, "a separator near the end of the buffer, or a negative length, ended the TCP receiver's process",
		"e2e.TestOriginalDefects17And18And20HostileRecords heka.FuzzReader receiver.FuzzIntake", ""},
	{19, "10 KB without a header made a connection spin for ever",
		"e2e.TestOriginalDefect19GarbageWithoutAHeader receiver.TestTCPGarbageAndBadRecordsLeaveTheConnectionOpen", ""},
	{20, "a message without timestamp, a field without value or name crashed the subscriber, and all its like",
		"e2e.TestOriginalDefects17And18And20HostileRecords heka/encode.TestECSLeavesOutWhatIsAbsentButTheSeverityAndTheDate heka/encode.TestECSFields", ""},
	{21, "callers waited for ever on a connection that failed; the connection could be nil",
		"publisher.TestStalledServerMakesCallersWait publisher.TestCloseReportsWhatIsLeft receiver.TestHTTPUnavailableStreamIs503AtOnce stream.TestDialEndsWithItsContext", ""},
	{22, "the list of viewers and the map of senders were used by several goroutines without a lock, which ended the proxy",
		"stats.TestHubTakesManyAtOnce dashboard.TestThereIsALimitOfViewersAndShutdownEndsThem", ""},
	{23, "accepting never stopped, and spun on errors once the listener was closed",
		"receiver.TestTCPShutdownReadsWhatIsUnderWay receiver.TestHTTPShutdownFinishesOpenRequests", ""},
	{24, "a failed subscription was taken for a good one",
		"subscriber.TestADeletedGroupEndsTheMember stream.TestConsumerMadeForSomethingElseIsRefused", ""},
	{25, "a failed connection at start was ignored",
		"e2e/binaries.TestUnreachableNATSIsSaidInOneLineAndEndsWith69", ""},
	{26, "signatures were never verified, and lost when a record was published",
		"receiver.TestSignaturePolicies e2e.TestOriginalDefect26SignaturesAreStored", ""},
	{27, "NaN and infinities made invalid JSON",
		"heka/encode.TestECSFields heka/encode.FuzzDocuments", ""},
	{28, "log_generator never closed its answers, and so opened a connection for each record",
		"e2e.TestOriginalDefect28GeneratorReusesItsConnections", ""},
	{29, "failed posts counted as throughput",
		"e2e.TestOriginalDefect29FailedPostsAreNoThroughput", ""},
	{30, "the page read the last of an empty list",
		"", "the page was written anew; what draws gives null for a second without events"},
	{31, "a connection that was no TCP connection was skipped and never closed",
		"receiver.TestTCPConnectionLimit receiver.TestTCPWithTLS", ""},
}

// A test that is renamed or removed must not leave a defect uncovered unseen.
func TestEveryDefectOfTheOriginalHasATest(t *testing.T) {
	t.Parallel()
	known := map[string]map[string]bool{} // folder, function
	for i, d := range defects {
		if d.number != i+1 {
			t.Errorf("defect %d is entry %d", d.number, i+1)
		}
		if d.tests == "" && d.none == "" {
			t.Errorf("defect %d (%s) has no test", d.number, d.what)
		}
		for _, name := range strings.Fields(d.tests) {
			dot := strings.LastIndexByte(name, '.')
			folder, function := name[:dot], name[dot+1:]
			if known[folder] == nil {
				known[folder] = testsIn(t, folder)
			}
			if !known[folder][function] {
				t.Errorf("defect %d (%s): %s has no %s", d.number, d.what, folder, function)
			}
		}
	}
}

// testsIn lists the functions in a folder's test files.
func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	names := map[string]bool{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
