"""A department in Python, from the .proto files alone: the commune police of the birth journey, and a
registry for who looks something up.

    department.py CONFIG.json      (see main() for its keys; generated code on PYTHONPATH)

It acknowledges a handover only when the handover and its documents lie in its folder, durably, and
keeps each report until the broker has recorded it. Killed at any moment, it comes right when it is
started again: what lies in the folder without an answer is answered then, under the same item id.
"""

import hashlib, json, os, pathlib, queue, sys, threading
from concurrent import futures

import grpc
from lienthong.v1 import common_pb2, department_service_pb2, department_service_pb2_grpc
from lienthong.v1 import document_service_pb2, document_service_pb2_grpc, envelope_pb2
from lienthong.v1 import exchange_service_pb2, exchange_service_pb2_grpc, handover_pb2, report_pb2


def keep(path, data):
    """Writes a file so that it is there, whole, after a power cut: synced, then renamed, then its folder."""
    part = path.with_name(f"{path.name}.{threading.get_ident()}.part")
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


class Office:
    """The inbox (`*.handover`), the outbox (`*.report`) and the documents, as files of one folder."""

    def __init__(self, config, credentials):
        self.agency, self.folder = config["agency_code"], pathlib.Path(config["folder"])
        self.documents_folder = self.folder / "documents"
        self.documents_folder.mkdir(parents=True, exist_ok=True)
        # The broker's identity is the DNS name in its certificate, wherever it runs.
        name = (("grpc.ssl_target_name_override", config["broker_name"]),)
        dial = lambda: grpc.secure_channel(config["broker_address"], credentials, name)
        self.exchange = exchange_service_pb2_grpc.ExchangeServiceStub(dial())
        self.documents = document_service_pb2_grpc.DocumentServiceStub(dial())
        self.to_do = queue.Queue(maxsize=1000)

    def take(self, item):
        """The verdict on one item: recorded only when it and its documents are durable."""
        verdict = envelope_pb2.Verdict(item_id=item.item_id)
        kind = item.WhichOneof("kind")
        if kind not in ("handover", "notice"):
            verdict.refused.code, verdict.refused.message = grpc.StatusCode.INVALID_ARGUMENT.value[0], "UNKNOWN_KIND"
            return verdict
        if kind == "handover":
            for document in (one for evidence in item.handover.evidence for one in evidence.documents):
                self.fetch(document)
            keep(self.folder / f"{item.handover.handover_id}.handover", item.handover.SerializeToString())
            self.to_do.put(item.handover.handover_id)
        else:
            keep(self.folder / f"{item.item_id}.notice", item.notice.SerializeToString())
        verdict.recorded.recorded_at.GetCurrentTime()
        return verdict

    def fetch(self, document):
        path = self.documents_folder / document.digest.hex()
        if not path.exists():
            request = document_service_pb2.DownloadRequest(digest=document.digest, agency_code=self.agency)
            data = b"".join(answer.chunk.data for answer in self.documents.Download(request))
            assert hashlib.sha256(data).digest() == document.digest, "other bytes than named"
            keep(path, data)

    def work(self):
        """Answers what lies in the inbox, after a start also what an earlier life left there."""
        for path in self.folder.glob("*.handover"):
            self.to_do.put(path.stem)
        while True:
            name = self.to_do.get()
            try:
                if not (self.folder / f"{name}.done").exists():
                    self.answer(name)
            except grpc.RpcError as error:
                print(f"{name}: {error.code()}, tried again", flush=True)
                threading.Timer(0.1, self.to_do.put, [name]).start()

    def answer(self, name):
        """Does the step, keeps its report, and sends it until the broker has recorded it."""
        report_path = self.folder / f"{name}.report"
        handover = handover_pb2.Handover.FromString((self.folder / f"{name}.handover").read_bytes())
        if handover.task in (handover_pb2.TASK_INFORM, handover_pb2.TASK_RECALL):  # nothing is answered
            print(f"{name}: {[duty.step_id for duty in handover.transfer_slip]}", flush=True)
            return keep(self.folder / f"{name}.done", b"known")
        if not report_path.exists():
            item = envelope_pb2.Item(item_id=f"report-{name}", report=self.report_on(handover))
            keep(report_path, item.SerializeToString())
        item = envelope_pb2.Item.FromString(report_path.read_bytes())
        given = list(item.report.completed.evidence) + [item.report.look_up_answer.evidence]
        for document in (one for evidence in given for one in evidence.documents):
            self.upload(document)
        request = exchange_service_pb2.ReportOneRequest(item=item)
        verdict = self.exchange.ReportOne(request).verdict
        outcome = verdict.WhichOneof("outcome")
        print(f"{name}: {outcome}", flush=True)
        if outcome in ("recorded", "refused"):
            keep(self.folder / f"{name}.done", outcome.encode())
        else:
            threading.Timer(0.1, self.to_do.put, [name]).start()

    def report_on(self, handover):
        report = report_pb2.Report(dossier_id=handover.dossier_id, step_id=handover.step_id,
                                   round=handover.round, agency_code=self.agency)
        report.happened_at.GetCurrentTime()
        if handover.task == handover_pb2.TASK_REVIEW:
            report.review.answer = report_pb2.REVIEW_ANSWER_STANDS
            for change in handover.changes:
                report.review.versions.add(evidence=change.evidence, version=change.to_version)
            return report
        if handover.task == handover_pb2.TASK_LOOK_UP:  # its register: one file for each evidence
            record, wanted = self.folder / f"{handover.look_up.evidence}.json", handover.look_up
            report.look_up_answer.outcome = report_pb2.LOOK_UP_OUTCOME_NOT_FOUND
            if record.exists():
                report.look_up_answer.outcome = report_pb2.LOOK_UP_OUTCOME_FOUND
                report.look_up_answer.evidence.name = wanted.evidence
                report.look_up_answer.evidence.schema_id = wanted.schema_id
                report.look_up_answer.evidence.data = record.read_bytes()
                report.look_up_answer.evidence.subject_party_id = handover.parties[0].party_id
            return report
        if handover.task == handover_pb2.TASK_CONSULT:
            report.opinion.text = "Nhất trí"
            return report
        paper = f"%PDF-1.4\n% thông báo cư trú, {handover.dossier_code}\n".encode()
        digest = hashlib.sha256(paper).digest()
        keep(self.documents_folder / digest.hex(), paper)
        document = common_pb2.Document(digest=digest, size_bytes=len(paper), media_type="application/pdf",
                                       file_name="thong-bao-cu-tru.pdf")
        report.completed.evidence.add(name="residence_notice", documents=[document],
                                      schema_id="lienthong:residence_notice:1")
        return report

    def upload(self, document):
        header = document_service_pb2.UploadHeader(digest=document.digest, size_bytes=document.size_bytes,
                                                   agency_code=self.agency)
        chunk = document_service_pb2.Chunk(data=(self.documents_folder / document.digest.hex()).read_bytes())
        request = document_service_pb2.UploadRequest
        self.documents.Upload(iter([request(header=header), request(chunk=chunk)]))


class Department(department_service_pb2_grpc.DepartmentServiceServicer):
    def __init__(self, office):
        self.office = office

    def HandOver(self, requests, context):
        for request in requests:
            envelope, answer = request.envelope, department_service_pb2.HandOverResponse()
            content = envelope.WhichOneof("content")
            if content == "hello":
                answer.envelope.hello.CopyFrom(envelope_pb2.Hello(
                    store_id="python", epoch="1", contract_version="1.0", window_items_max=16,
                    window_bytes_max=1 << 20, agency_code=self.office.agency))
            elif content == "item":
                answer.envelope.verdict.CopyFrom(self.office.take(envelope.item))
            else:
                answer.envelope.heartbeat.sent_at.GetCurrentTime()
            yield answer


def main():
    config = json.load(open(sys.argv[1]))
    ca, certificate, key = (open(config[name], "rb").read() for name in ("ca", "certificate", "key"))
    office = Office(config, grpc.ssl_channel_credentials(ca, key, certificate))
    if "--silent" not in sys.argv:  # for a test: takes, and does not answer
        threading.Thread(target=office.work, daemon=True).start()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    department_service_pb2_grpc.add_DepartmentServiceServicer_to_server(Department(office), server)
    server.add_secure_port(config["listen"], grpc.ssl_server_credentials([(key, certificate)], ca, True))
    server.start()
    print("open", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
