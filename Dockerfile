# medcls on CPUs: not root, nothing written outside /data and /tmp.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.txt requirements.lock ./
# PyTorch's own index has builds without CUDA: docker build --build-arg TORCH_INDEX=<its address for cpu> (pytorch.org, Get started).
# Without it the build of the usual index is taken, 3 GB larger. The lock pins the version; lines of it that are not needed install nothing.
ARG TORCH_INDEX=""
RUN python -m venv /opt/medcls \
    && /opt/medcls/bin/pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX" --no-deps} \
        "torch==$(sed -n 's/^torch==//p' requirements.lock)" "torchvision==$(sed -n 's/^torchvision==//p' requirements.lock)" \
    && sed -E '/^(torch|torchvision|triton|nvidia-|cuda-)/d' requirements.lock > lock.txt \
    && /opt/medcls/bin/pip install --no-cache-dir -c lock.txt -r requirements.txt authlib \
    && find /opt/medcls -name __pycache__ -prune -exec rm -rf {} +

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin medcls && install -d -o medcls /data
COPY --from=build /opt/medcls /opt/medcls
WORKDIR /app
COPY app.py pyproject.toml LICENSE ./
COPY .streamlit/config.toml .streamlit/
COPY medcls medcls
COPY pages pages
COPY weights weights
ENV PATH=/opt/medcls/bin:$PATH MEDCLS_HOME=/data HOME=/tmp MPLCONFIGDIR=/tmp HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0
USER medcls
VOLUME /data
EXPOSE 8501
# It asks as "localhost": keep that among STREAMLIT_SERVER_ALLOWED_HOSTS.
HEALTHCHECK --interval=30s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8501/_stcore/health', timeout=5)"]
CMD ["python", "-m", "medcls", "app", "--headless", "--port", "8501"]
